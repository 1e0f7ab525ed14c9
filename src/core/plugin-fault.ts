/** An error as it crosses the thread border: its text, and the stack's frames that belong to the plugin. */
export interface PluginFault {
  readonly message: string
  /** `plot.ts:9:31`, nearest first. */
  readonly frames: readonly string[]
  /** The stack as it was, shown with --debug only. */
  readonly stack?: string
  /** It is not this file's: see environment.ts. */
  readonly environment?: true
  /** Something stands in the way of this file's path: it says nothing of other files. */
  readonly ofItsPath?: true
}

/** One line: the message and the nearest frame. */
export function faultLine(fault: PluginFault): string {
  const message = fault.message || 'an error without a message'
  return fault.frames[0] ? `${message} at ${fault.frames[0]}` : message
}
