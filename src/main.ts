/** The program `dfsp`. */
import { runAsProcess } from './program.ts'

await runAsProcess(process.argv.slice(2))
