/** Numbers on one line, such as those of partitions. */
import { listText } from './list-text.ts'

/** `0-3, 7` for 7, 0, 1, 2 and 3; of more runs than `most` the rest is counted. */
export function numberRuns(numbers: readonly number[], most?: number): string {
  const sorted = [...numbers].sort((a, b) => a - b)
  const runs: string[] = []
  for (let i = 0; i < sorted.length; ) {
    let j = i
    while (sorted[j + 1] === (sorted[j] as number) + 1) j++
    runs.push(i === j ? `${sorted[i]}` : `${sorted[i]}-${sorted[j]}`)
    i = j + 1
  }
  return listText(runs, most)
}
