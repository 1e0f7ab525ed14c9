/**
 * Lines that wait for whoever takes them, such as a disk or a terminal: a bounded amount. Beyond it the older half is
 * left out and counted: what comes last says how it ended.
 */
export interface WaitingLines {
  readonly isEmpty: boolean
  add(line: string): void
  /** All that wait, as one text, and how many before them were left out since it was last asked. */
  take(): { readonly text: string; readonly leftOut: number }
}

export function waitingLines(mostChars: number): WaitingLines {
  let lines: string[] = []
  let chars = 0
  let leftOut = 0

  function leaveOut(): void {
    let first = lines.length
    let kept = 0
    while (first > 0 && kept < mostChars / 2) kept += (lines[--first] as string).length
    leftOut += first
    lines = lines.slice(first)
    chars = kept
  }

  return {
    get isEmpty() {
      return lines.length === 0
    },
    add(line) {
      lines.push(line)
      chars += line.length
      if (chars > mostChars) leaveOut()
    },
    take() {
      const taken = { text: lines.join(''), leftOut }
      lines = []
      chars = 0
      leftOut = 0
      return taken
    },
  }
}

/** A line in the place of those that were left out. */
export function leftOutNote(count: number, fasterThan: string): string {
  return `(${count} lines are left out: they came faster than ${fasterThan})\n`
}
