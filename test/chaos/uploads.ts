/** Files of all sizes for the chaos run, sent round by round by dfsp's uploader and by OpenMSIStream's. */
import { createHash, randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { dirname, join } from 'node:path'
import { noOpenMSIStream, uploadFolder } from '../support/openmsistream.ts'
import { pause, startMember } from './member.ts'

const FILES = 60
const KIB = 1024
const CHUNKS = [1 * KIB, 4 * KIB, 16 * KIB, 64 * KIB]

export type SentFile = {
  path: string
  /** 16 digits of the SHA-512 of its content. */
  digest: string
  bytes: number
  isBad: boolean
  /** How often it was sent: more than once where an upload had to be repeated. */
  times: number
}

export type Uploads = {
  files: Map<string, SentFile>
  /** One more round of files; resolves when the broker has them all. */
  round(): Promise<void>
}

export function uploads(
  { brokers, topic, folder }: { brokers: string; topic: string; folder: string },
  random: (below: number) => number,
  /** Runs `work` while no broker is restarted: OpenMSIStream's producer may send a chunk twice then. */
  undisturbed: (work: () => Promise<unknown>) => Promise<void>,
  /** At most so many files that always fail. */
  mostBad: number,
  /** All chunks of a file go into one partition. */
  keyed: boolean,
): Uploads {
  const files = new Map<string, SentFile>()
  let rounds = 0
  let bad = 0

  function size(): number {
    const kind = random(100)
    if (kind < 5) return 0
    if (kind < 45) return 1 + random(KIB)
    if (kind < 85) return random(64 * KIB)
    return kind < 98 ? random(512 * KIB) : random(3072 * KIB)
  }

  function make(source: string, subdir: string): SentFile[] {
    return Array.from({ length: FILES }, (_, i) => {
      const isBad = i === 7 && bad < mostBad
      if (isBad) bad++
      const name = `d${random(3)}/f${i}${isBad ? '.bad' : ''}.dat`
      const content = randomBytes(size())
      fs.mkdirSync(dirname(join(source, name)), { recursive: true })
      fs.writeFileSync(join(source, name), content)
      const digest = createHash('sha512').update(content).digest('hex').slice(0, 16)
      return { path: `${subdir}${name}`, digest, bytes: content.length, isBad, times: 0 }
    })
  }

  return {
    files,
    async round() {
      rounds++
      const source = join(folder, `round-${rounds}`)
      const theirs = !noOpenMSIStream && random(5) === 0 && !keyed
      // Theirs keeps the path below the folder; a zero-byte file is not sent by it.
      const subdir = theirs ? '' : `r${rounds}/`
      const made = make(theirs ? join(source, `r${rounds}`) : source, `r${rounds}/`)
      const sent = made.filter(file => !theirs || file.bytes > 0)
      // Before the first chunk is there: the plugin may be called at any moment.
      for (const file of sent) files.set(file.path, file)
      const chunkSize = CHUNKS[random(CHUNKS.length)] as number
      if (theirs) {
        await undisturbed(() => uploadFolder(source, { brokers, topic, chunkSize }))
        for (const file of sent) file.times++
      } else {
        const by = random(6) === 0 || keyed ? 'path' : 'key'
        const args = ['upload', source, '-b', brokers, '-t', topic, '--chunk-size', `${chunkSize / KIB}KiB`]
        args.push('--partition-by', by, '--subdir', subdir.slice(0, -1), '-q')
        for (let tries = 1; ; tries++) {
          for (const file of sent) file.times++
          const upload = startMember(args, process.env, join(folder, `upload-${rounds}.log`))
          const end = await upload.end(120_000)
          if (end?.code === 0) break
          upload.kill('SIGKILL')
          if (tries === 10) throw new Error(`round ${rounds} could not be sent: see ${upload.log}`)
          await pause(1_000)
        }
      }
      fs.rmSync(source, { recursive: true })
    },
  }
}
