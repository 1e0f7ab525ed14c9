/** What a file costs beside dfsp is nothing; some fail, some print. */
export default function plugin(file) {
  if (file.path.startsWith('fail/')) return new Error('fails')
  if (file.path.startsWith('error/')) return new Error(`${'long '.repeat(100_000)}\n`.repeat(4))
  if (file.path.startsWith('print/'))
    for (let i = 0; i < 20; i++) process.stdout.write(`${'p'.repeat(1_000)}\r`)
  return null
}
