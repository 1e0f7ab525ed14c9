/**
 * Which page of the arena, or of the spool, holds which page of a file. The first one lies here and the others in a map,
 * which would be the largest part of what is kept of a small file.
 */
export class PageTable {
  #firstNumber = NONE
  #firstPage = NONE
  #others: Map<number, number> | undefined

  get(number: number): number | undefined {
    return number === this.#firstNumber ? this.#firstPage : this.#others?.get(number)
  }

  add(number: number, page: number): void {
    if (this.#firstNumber === NONE) {
      this.#firstNumber = number
      this.#firstPage = page
    } else {
      this.#others ??= new Map()
      this.#others.set(number, page)
    }
  }

  delete(number: number): void {
    if (number === this.#firstNumber) this.#firstNumber = NONE
    else this.#others?.delete(number)
  }

  each(visit: (page: number, number: number) => void): void {
    if (this.#firstNumber !== NONE) visit(this.#firstPage, this.#firstNumber)
    this.#others?.forEach(visit)
  }

  clear(): void {
    this.#firstNumber = NONE
    this.#others = undefined
  }
}

const NONE = -1
