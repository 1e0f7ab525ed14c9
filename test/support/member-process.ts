/** `member.ts` as a process that can be killed: broker, group, topic, properties as JSON. Says when it owns something. */
import { joinGroup } from './member.ts'

const [broker = '', group = '', topic = '', properties = '{}'] = process.argv.slice(2)
await joinGroup(broker, group, topic, JSON.parse(properties) as Record<string, string>)
console.log('joined')
