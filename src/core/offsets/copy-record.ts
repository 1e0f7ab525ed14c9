/** What a copy says in the metadata of its commits: into how many partitions it goes. */

const SHAPE = /^r1\.(\d{1,9})\.?\0?$/

export function encodeCopyRecord(partitions: number): string {
  // The client's binding cuts off the last character of what it reads: see `sameMetadata`.
  return `r1.${partitions}.`
}

/** Undefined where it is none. */
export function partitionsOfCopy(text: string | undefined): number | undefined {
  const found = SHAPE.exec(text ?? '')?.[1]
  return found === undefined ? undefined : Number(found)
}
