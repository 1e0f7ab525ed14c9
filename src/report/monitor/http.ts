/** The small web server of a run: figures, probes and a page for people, to be read and nothing else. */

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, isIP } from 'node:net'
import { hostname } from 'node:os'
import { DfspError } from '../../base/errors.ts'
import type { HostPort } from '../../core/host-port.ts'
import { jsonLine, textLines } from '../../core/text/shown-text.ts'
import type { Metrics } from './metrics.ts'
import type { StatusBoard } from './status.ts'

export interface HttpServer {
  readonly url: string
  close(): Promise<void>
}

export interface HttpDeps {
  readonly metrics: Metrics
  readonly board: StatusBoard
}

interface Answer {
  readonly code: number
  readonly type: string
  readonly body: string
  /** Content-Security-Policy of a page. */
  readonly policy?: string
}

/** Enough for probes, scrapers and some people; each takes a descriptor, which the files need. */
const MOST_CONNECTIONS = 64
/** A client has so long to send its request, and to take some of the answer. */
const TIMEOUT_MS = 10_000

/**
 * Each connection is for one request: what is sent after it, before its answer is read, would be answered into memory.
 * Throws E_PORT, or E_USAGE where the address is none of this machine's.
 */
export async function openHttp(at: HostPort, deps: HttpDeps, timeoutMs = TIMEOUT_MS): Promise<HttpServer> {
  const answers = answersOf(deps)
  const mayAsk = allowedNames(at.host)
  const limits = {
    headersTimeout: timeoutMs,
    requestTimeout: timeoutMs,
    connectionsCheckingInterval: timeoutMs / 10,
  }
  const server = createServer(limits, (request, response) => {
    void answer(request).then(
      given => send(request, response, given),
      error => send(request, response, text(500, `${(error as Error).message}\n`)),
    )
  })

  server.maxConnections = MOST_CONNECTIONS
  server.maxRequestsPerSocket = 1
  server.timeout = timeoutMs
  // What was sent beyond that is not read: thousands of requests in one connection would each cost an answer.
  server.on('dropRequest', (_, socket) => socket.pause())

  async function answer({ method, url = '/', headers }: IncomingMessage): Promise<Answer> {
    const path = url.replace(/[?#].*$/s, '')
    if (!mayAsk(headers.host, path))
      return text(403, 'This name is not one of this server: ask for it by its address or host name.\n')
    const found = answers[path]
    if (found === undefined) return text(404, 'There are /, /status, /metrics, /livez and /readyz.\n')
    if (method !== 'GET' && method !== 'HEAD') return text(405, 'Only GET and HEAD.\n')
    return await found()
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', error => reject(refusal(at, error as NodeJS.ErrnoException)))
    server.listen(at.port, at.host, resolve)
  })
  server.on('error', () => {}) // of single connections
  server.unref()
  const { port } = server.address() as AddressInfo
  return {
    url: `http://${at.host.includes(':') ? `[${at.host}]` : at.host}:${port}/`,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function answersOf({ metrics, board }: HttpDeps): Record<string, () => Answer | Promise<Answer>> {
  return {
    '/': statusPage(),
    '/status': async () => ({
      code: 200,
      type: 'application/json; charset=utf-8',
      body: `${jsonLine(await board.status())}\n`,
    }),
    '/metrics': async () => ({ code: 200, type: metrics.contentType, body: await metrics.text('all') }),
    '/livez': () => text(200, 'ok\n'),
    '/readyz': () => {
      const reason = board.notReady()
      if (reason !== undefined) return text(503, textLines([reason]))
      const held = board.held()
      return text(200, textLines([held === undefined ? 'ok' : `ok, but ${held}`]))
    },
  }
}

function statusPage(): () => Answer {
  const body = readFileSync(new URL('../../../pages/status.html', import.meta.url), 'utf8')
  const hashes = (tag: string) =>
    [...body.matchAll(new RegExp(`<${tag}>(.*?)</${tag}>`, 'gs'))]
      .map(([, inner = '']) => `'sha256-${createHash('sha256').update(inner).digest('base64')}'`)
      .join(' ')
  const policy = `default-src 'none'; script-src ${hashes('script')}; style-src ${hashes('style')}; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`
  return () => ({ code: 200, type: 'text/html; charset=utf-8', body, policy })
}

function text(code: number, body: string): Answer {
  return { code, type: 'text/plain; charset=utf-8', body }
}

function send({ method }: IncomingMessage, response: ServerResponse, answer: Answer): void {
  const { code, type, body, policy } = answer
  response.writeHead(code, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
    'Content-Security-Policy': policy ?? "default-src 'none'; frame-ancestors 'none'",
    ...(code === 405 ? { Allow: 'GET, HEAD' } : {}),
  })
  response.end(method === 'HEAD' ? undefined : body)
}

/** Carries no file names, and probes and scrapers come by names of all kinds. */
const FOR_MACHINES: readonly (string | undefined)[] = ['/metrics', '/livez', '/readyz']

/**
 * A web page elsewhere may have its own name resolve to this machine, and would then count as of this origin: the
 * name that is asked for has to be one that it cannot have. An address cannot be made up that way.
 */
function allowedNames(host: string): (asked: string | undefined, path: string) => boolean {
  const isLocal = host === 'localhost' || host === '::1' || host.startsWith('127.')
  const own = hostname().toLowerCase()
  return (asked = '', path) => {
    const name = asked
      .replace(/:\d*$/, '')
      .replace(/^\[(.*)\]$/, '$1')
      .toLowerCase()
    if (isIP(name) !== 0 || name === 'localhost' || name === host.toLowerCase()) return true
    if (isLocal) return false
    return FOR_MACHINES.includes(path) || name === own || name.startsWith(`${own}.`)
  }
}

function refusal({ host, port }: HostPort, error: NodeJS.ErrnoException): DfspError {
  const what = `--http: cannot listen on ${host}:${port}`
  if (error.code === 'EADDRINUSE')
    return new DfspError('E_PORT', what, {
      facts: ['another program, or another run of dfsp, has the port'],
      next: `another port, or port 0 for any that is free: --http ${host}:0`,
      cause: error,
    })
  return new DfspError('E_USAGE', what, {
    facts: [error.message],
    next: 'an address of this machine and a port above 1023: --http 127.0.0.1:9464',
    cause: error,
  })
}
