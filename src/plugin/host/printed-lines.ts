/** The lines of what user code prints. */
import { MOST_TOLD } from '../../core/text/shown-text.ts'

export interface LineCutter {
  add(text: string): void
  /** What has no end yet is a line. */
  end(): void
}

/**
 * Calls `use` for each line that is not empty. A carriage return ends one as a line feed does: with it progress bars
 * begin anew. What has no end is kept up to MOST_TOLD characters, then it is a line that ends with `…`.
 */
export function lineCutter(use: (line: string) => void): LineCutter {
  let rest = ''

  function append(text: string): void {
    rest += text
    let from = 0
    while (rest.length - from > MOST_TOLD) {
      const to = from + MOST_TOLD - (isFirstHalf(rest.charCodeAt(from + MOST_TOLD - 1)) ? 1 : 0)
      use(`${rest.slice(from, to)}…`)
      from = to
    }
    rest = rest.slice(from)
  }

  function end(): void {
    if (rest !== '') use(rest)
    rest = ''
  }

  return {
    add(text) {
      const [first = '', ...others] = text.split(/[\r\n]/)
      append(first)
      for (const line of others) {
        end()
        append(line)
      }
    },
    end,
  }
}

/** Of a letter that takes two places. */
function isFirstHalf(code: number): boolean {
  return code >= 0xd800 && code < 0xdc00
}
