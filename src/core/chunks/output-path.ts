/**
 * Names from messages are hostile until proved otherwise: this is where they become a path inside a root,
 * or a refusal. Every command and every plugin gets its paths from here.
 */
import { jsonLine } from '../text/shown-text.ts'

const SEGMENT_BYTES = 255 // NAME_MAX of ext4, XFS, APFS
const PATH_BYTES = 4096 - 256 // PATH_MAX less room for the root
const [SLASH, BACKSLASH, DOT] = [0x2f, 0x5c, 0x2e]

export type RelativePath =
  | { readonly path: string }
  /** `own`: the path, where nothing is wrong with it but that dfsp keeps its own files there. */
  | { readonly refused: string; readonly own?: string }

/**
 * The reconstructed file's path relative to the root, with `/` between its parts: `subdir/stem + append + suffix`,
 * where stem and suffix are split as Python's pathlib does (`.bashrc` has no suffix).
 */
export function relativePath(subdir: string, filename: string, append: string): RelativePath {
  const name = append === '' ? filename : insertAppend(filename, append)
  const whole = subdir === '' ? name : `${subdir}/${name}`
  if (isPlain(whole) && !name.includes('/') && !isOwn(firstOf(whole))) return { path: whole }
  const parts = subdir === '' ? [name] : [...subdir.split('/'), name]
  for (const part of parts) {
    const wrong = wrongSegment(part)
    if (wrong !== undefined)
      return { refused: `${part === name ? 'file name' : 'sub-directory'} ${show(part)} ${wrong}` }
  }
  if (name.includes('/')) return { refused: `file name ${show(name)} contains "/"` }
  const bytes = utf8Length(whole)
  if (bytes > PATH_BYTES) return { refused: `path of ${bytes} bytes is longer than ${PATH_BYTES}` }
  const top = firstOf(whole)
  if (!isOwn(top)) return { path: whole }
  return { refused: `path ${show(whole)}: ${show(top)} is kept for dfsp's own files`, own: whole }
}

/**
 * Nothing is to be looked at more closely: printable ASCII, and each part as it may be. One pass, since a path may have two
 * thousand parts and comes with each record.
 */
function isPlain(path: string): boolean {
  if (path.length > PATH_BYTES) return false
  let start = 0
  for (let i = 0; i <= path.length; i++) {
    const unit = i === path.length ? SLASH : path.charCodeAt(i)
    if (unit < 0x20 || unit > 0x7e || unit === BACKSLASH) return false
    if (unit !== SLASH) continue
    const length = i - start
    if (length > SEGMENT_BYTES || length === 0) return false
    if (length <= 2 && path.charCodeAt(start) === DOT && path.charCodeAt(i - 1) === DOT) return false
    start = i + 1
  }
  return true
}

function firstOf(path: string): string {
  const end = path.indexOf('/')
  return end === -1 ? path : path.slice(0, end)
}

/**
 * Whether a name at the top of an output folder is, to one file system or another, that of dfsp's own files: LOGS with
 * log and registries, `.dfsp-…` for temporary files and the journal. Some systems take letters of either case, drop
 * dots and spaces at the end, or characters that are not seen. `logs` is a name that people use, and stays free.
 */
function isOwn(top: string): boolean {
  if (!/^[.L]|[^ -~]/.test(top)) return false // nearly all names
  const plain = top
    .normalize('NFKC')
    .replace(/\p{Default_Ignorable_Code_Point}/gu, '')
    .replace(/[. ]+$/, '')
  return plain === 'LOGS' || plain.toLowerCase().startsWith('.dfsp-')
}

function insertAppend(filename: string, append: string): string {
  const dot = filename.lastIndexOf('.')
  const hasSuffix = dot > 0 && dot < filename.length - 1
  return hasSuffix ? filename.slice(0, dot) + append + filename.slice(dot) : filename + append
}

function wrongSegment(part: string): string | undefined {
  if (part === '') return 'is empty (an absolute path, or "//")'
  if (part === '.' || part === '..') return 'leaves its directory'
  if (part.includes('\0')) return 'contains NUL'
  if (part.includes('\\')) return 'contains "\\"'
  const bytes = utf8Length(part)
  if (bytes > SEGMENT_BYTES) return `has ${bytes} bytes, file systems take ${SEGMENT_BYTES}`
  return undefined
}

/** Bytes of `text` in UTF-8; a file system that counts UTF-16 units is never stricter. */
function utf8Length(text: string): number {
  let bytes = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    // A surrogate pair is 2 units and 4 bytes, so each half counts 2.
    if (unit >= 0x800 && (unit < 0xd800 || unit > 0xdfff)) bytes += 2
    else if (unit >= 0x80) bytes += 1
  }
  return bytes
}

/** A name from a message, safe to print: quoted, hidden characters escaped, cut at 80 characters. */
export function show(text: string): string {
  return jsonLine(text.length > 80 ? `${text.slice(0, 79)}…` : text)
}
