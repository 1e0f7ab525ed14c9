import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import type { Client } from '../../src/kafka/addon.ts'
import { connect } from '../../src/kafka/connect.ts'
import { loginOf } from '../../src/kafka/login.ts'

test('a client that has no connection to give up when time is up: the broker is told to be out of reach all the same', async () => {
  const client = Object.assign(new EventEmitter(), {
    connect() {},
    getMetadata() {},
    disconnect() {
      throw new Error('Producer not connected')
    },
  }) as unknown as Client
  const login = loginOf({ 'bootstrap.servers': '127.0.0.1:1' })
  const connecting = connect(
    () => client,
    login,
    () => {},
    50,
  )
  await assert.rejects(connecting, { code: 'E_BROKER_UNREACHABLE' })
})
