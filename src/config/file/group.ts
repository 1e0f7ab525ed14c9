/** The consumer group of a run. */

/** OpenMSIStream's word for "a group of my own, from the beginning". */
const CREATE_NEW = 'create_new'

/** The group as given, a fresh one for `create_new`, else one that follows from plugin and topic. */
export function groupId(
  given: string | undefined,
  names: { readonly plugin: string; readonly topic: string },
  fresh: () => string,
): string {
  const standard = `dfsp.${names.plugin}.${names.topic}`
  return given === CREATE_NEW ? `${standard}.${fresh()}` : (given ?? standard)
}
