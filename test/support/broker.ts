/**
 * The real broker that all of test/real/ shares; `npm test` starts it and passes it on in the environment.
 *
 *     test('...', { skip: noBroker }, async () => { await createTopic(broker, ...) })
 */

/** `host:port`, or '' where there is none. */
export const broker = process.env.DFSP_TEST_BROKER ?? ''

/** Why tests that need the real broker are skipped, or false. */
export const noBroker =
  broker === '' && (process.env.DFSP_TEST_NO_BROKER ?? 'no real broker: run it by npm test -- <file>')

let topics = 0

/** A topic name that no other test uses. */
export function uniqueName(stem: string): string {
  topics += 1
  return `${stem}-${process.pid}-${topics}`
}
