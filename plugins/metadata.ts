/** Sends a JSON message about each file to another topic: `dfsp run -p metadata -t xrd --output-topic xrd-metadata`. */
import type { Context, DataFile } from 'dfsp'

export const options = {
  add: { type: 'array', describe: 'further fields of every message, as name=value' },
} as const

interface State {
  readonly added: Readonly<Record<string, string>>
}

export function setup(ctx: Context<typeof options>): State {
  const pairs = (ctx.options.add ?? []).map(text => {
    const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? []
    if (name === undefined || value === undefined) throw new Error(`--add: "${text}" is not name=value`)
    return [name, value] as const
  })
  return { added: Object.fromEntries(pairs) }
}

export default async function metadata(file: DataFile, ctx: Context<typeof options, State>): Promise<null> {
  const message = {
    filename: file.name,
    relative_filepath: file.path,
    subdir_str: file.subdir,
    size_in_bytes: file.size,
    sha512: file.sha512,
    modified_at: file.mtime?.toISOString() ?? null,
    topic: file.topic,
    delivery_id: file.deliveryId,
    ...ctx.state.added,
    metadata_message_generated_at: new Date().toISOString(),
  }
  // The form of key by which OpenMSIStream's readers know the result of a file.
  const key = `${file.subdir.replaceAll('/', '_')}_${file.name}_chunk_processing_result`
  await ctx.produce({ key, value: JSON.stringify(message) })
  return null
}
