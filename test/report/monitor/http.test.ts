import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import { type HttpServer, openHttp } from '../../../src/report/monitor/http.ts'
import { metrics } from '../../../src/report/monitor/metrics.ts'
import { statusBoard } from '../../../src/report/monitor/status.ts'
import { identity, viewOf } from '../view.ts'

const now = () => 1_700_000_000_000
let reason: string | undefined
const board = statusBoard(identity, now)
const deps = {
  board,
  metrics: metrics({ topic: 'xrd', group: 'g', process: true, lastSuccess: undefined, now }),
}
let server: HttpServer
before(async () => {
  server = await openHttp({ host: '127.0.0.1', port: 0 }, deps)
})
after(() => server.close())

interface Answer {
  readonly code: number
  readonly body: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

function ask(path: string, { method = 'GET', host = 'localhost', url = server.url } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url)
    const asked = request({ hostname, port, path, method, headers: { host } }, response => {
      let body = ''
      response.setEncoding('utf8').on('data', text => {
        body += text
      })
      response.on('end', () => resolve({ code: response.statusCode ?? 0, body, headers: response.headers }))
    })
    asked.on('error', reject).end()
  })
}

test('/livez is 200 always; /readyz is 503 with the reason until the run takes what comes', async () => {
  assert.deepEqual([(await ask('/livez')).code, (await ask('/readyz')).code], [200, 503])
  assert.match((await ask('/readyz')).body, /starting: connecting/)
  board.report({ type: 'info', text: 'x', waitsFor: "the plugin's setup runs" })
  assert.equal((await ask('/readyz')).body, "starting: the plugin's setup runs\n")
  board.attach(viewOf({ notReady: () => reason }))
  assert.equal((await ask('/readyz')).code, 200)
  reason = 'paused: disk full'
  const { code, body } = await ask('/readyz')
  assert.deepEqual([code, body], [503, 'paused: disk full\n'])
  assert.equal((await ask('/livez')).code, 200)
  assert.equal(JSON.parse((await ask('/status')).body).reason, 'paused: disk full')
  reason = undefined
})

test('/readyz says how many files are held, and stays 200; /status names them with what is known', async () => {
  const counts = { assembling: 0, queued: 0, running: 0, held: 2 }
  const file = { state: 'held', chunks: 1, total: 1, openMs: 1, idleMs: 1, runningMs: undefined } as const
  const files = [
    { ...file, path: 'later.csv', attempts: 1, error: 'no columns' },
    { ...file, path: 'soon.csv', attempts: 7, error: 'no answer', againMs: 60_000 },
  ]
  board.attach(viewOf({ fileCounts: () => counts, files: () => files }))
  const { code, body } = await ask('/readyz')
  assert.deepEqual([code, body], [200, 'ok, but 2 files are held\n'])
  assert.deepEqual(JSON.parse((await ask('/status')).body).held, [
    { path: 'soon.csv', attempt: 7, error: 'no answer', againInSeconds: 60 },
    { path: 'later.csv', attempt: 1, error: 'no columns', againInSeconds: null },
  ])
})

test('/status is one versioned object with counts, open files, failures and partitions', async () => {
  board.attach(viewOf())
  board.report({ type: 'retry', path: 'a', attempt: 1, error: 'first', delayMs: 1 })
  board.report({
    type: 'retry',
    path: '<img src=x>',
    attempt: 1,
    error: 'of an attempt that others followed',
    delayMs: 1,
  })
  board.report({
    ...{ type: 'file', path: '<img src=x>', result: 'failed', setAside: 'held', attempt: 2, bytes: 1 },
    ...{ ms: 1, partitions: {}, error: '<script>alert(1)</script>' },
  })
  const { headers, body } = await ask('/status')
  assert.equal(headers['content-type'], 'application/json; charset=utf-8')
  const status = JSON.parse(body)
  assert.deepEqual([status.v, status.type, status.topic, status.ready], [1, 'status', 'xrd', true])
  assert.deepEqual(status.running, [{ path: 'run.dat', seconds: 1.5, attempt: 1 }])
  assert.deepEqual(status.assembling, [{ path: 'part.dat', chunks: 1, total: 4, idleSeconds: 60 }])
  assert.deepEqual(
    status.failures.map((f: { path: string }) => f.path),
    ['<img src=x>', 'a'],
  )
  assert.deepEqual(status.partitions[0], { partition: 0, committed: 4, position: 9, end: 16 })
  assert.equal(status.lag, 7)
})

test('a name that a web page elsewhere may have made up is refused; addresses and localhost are served', async () => {
  for (const host of [
    'evil.example',
    'evil.example:9464',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
  ])
    for (const path of ['/status', '/', '/metrics']) assert.equal((await ask(path, { host })).code, 403, host)
  for (const host of ['localhost', 'localhost:8080', '127.0.0.1:1', '[::1]:9464', '10.0.0.7'])
    assert.equal((await ask('/status', { host })).code, 200, host)
})

test('on all addresses, scrapers and probes may use any name, the pages only this host', async () => {
  const open = await openHttp({ host: '0.0.0.0', port: 0 }, deps)
  const url = open.url.replace('0.0.0.0', '127.0.0.1')
  try {
    for (const path of ['/metrics', '/livez', '/readyz'])
      assert.equal((await ask(path, { host: 'dfsp.svc', url })).code, 200)
    for (const path of ['/status', '/']) assert.equal((await ask(path, { host: 'dfsp.svc', url })).code, 403)
  } finally {
    await open.close()
  }
})

test('nothing may be embedded, cached or read by another origin, and nothing can be changed', async () => {
  for (const path of ['/', '/status', '/metrics']) {
    const { headers } = await ask(path)
    assert.equal(headers['access-control-allow-origin'], undefined)
    assert.equal(headers['cache-control'], 'no-store')
    assert.match(String(headers['content-security-policy']), /default-src 'none'.*frame-ancestors 'none'/)
  }
  assert.equal((await ask('/status', { method: 'POST' })).code, 405)
  const { code, body } = await ask('/status', { method: 'HEAD' })
  assert.deepEqual([code, body], [200, ''])
  assert.equal((await ask('/../package.json')).code, 404)
})

test('the page asks no other server for anything', async () => {
  const { body } = await ask('/')
  assert.doesNotMatch(
    body.replace('http://www.w3.org/2000/svg', '').replace("'http://www.w3.org/2000/svg'", ''),
    /https?:/,
  )
})

test('a port that is taken ends with 75 and names another; an address of another machine with 2', async () => {
  const port = Number(new URL(server.url).port)
  await assert.rejects(openHttp({ host: '127.0.0.1', port }, deps), { code: 'E_PORT', exitCode: 75 })
  await assert.rejects(openHttp({ host: '192.0.2.1', port: 0 }, deps), { code: 'E_USAGE' })
})

/** Sends `text`, and reads nothing of what comes. */
function deaf(url: string, text: string) {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => {}).pause()
  socket.write(text)
  return socket
}

test('clients that never finish their request, or do not read, are limited in number and lose their place', async () => {
  for (const text of [
    '',
    'GET / HTTP/1.1\r\nHost: localh',
    'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(5_000),
  ]) {
    const own = await openHttp({ host: '127.0.0.1', port: 0 }, deps, 500)
    const all = Array.from({ length: 200 }, () => deaf(own.url, text))
    try {
      let code = 0
      for (const until = performance.now() + 120_000; code !== 200 && performance.now() < until; )
        code = await ask('/livez', { url: own.url }).then(
          answer => answer.code,
          () => 0,
        )
      assert.equal(code, 200, text.slice(0, 40))
    } finally {
      for (const socket of all) socket.destroy()
      await own.close()
    }
  }
})

test('one connection is for one request: what follows unasked is not answered into memory', async () => {
  const { hostname, port } = new URL(server.url)
  const socket = connect(Number(port), hostname)
  let text = ''
  socket.setEncoding('utf8').on('data', piece => {
    text += piece
  })
  socket.on('error', () => {}).write('GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(100))
  await once(socket, 'close')
  assert.equal(text.match(/HTTP\/1.1 200/g)?.length, 1)
  assert.match(text, /Connection: close/)
})
