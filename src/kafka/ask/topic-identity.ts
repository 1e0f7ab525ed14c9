/** Tells a topic from another one of the same name, made after it was deleted: offsets alone do not give that away. */

export interface TopicIdentity {
  /** Whether the topic is another one than when this was asked last; true once for each change. */
  hasChanged(): Promise<boolean>
}

/** `ask` for the topic's id: undefined while there is no topic, and from brokers that do not tell. */
export function topicIdentity(ask: () => Promise<string | undefined>): TopicIdentity {
  let known: string | undefined
  let asked = false
  let tells = false
  let asking = false

  async function learn(): Promise<void> {
    asked = true
    known = await ask()
    tells = known !== undefined
  }
  return {
    async hasChanged() {
      // Nobody waits for the first answer: a broker that does not tell lets the question time out.
      if (!asked) void learn()
      if (!tells || asking) return false
      asking = true
      const id = await ask()
      asking = false
      if (id === undefined || id === known) return false
      known = id
      return true
    },
  }
}
