import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isEnvironmental, isOfItsPath } from '../../src/core/environment.ts'

const coded = (code: unknown, cause?: unknown) => Object.assign(new Error('x', { cause }), { code })

test('what a plugin marks so, and what a disk or a connection says, is the environment', () => {
  for (const code of [
    'E_ENVIRONMENT',
    'ENOSPC',
    'EMFILE',
    'ENFILE',
    'EFBIG',
    'ESTALE',
    'EDQUOT',
    'ECONNREFUSED',
    'ETIMEDOUT',
    'EAI_AGAIN',
  ])
    assert.ok(isEnvironmental(coded(code)), code)
})

test('the reason may be wrapped, as fetch does', () => {
  assert.ok(isEnvironmental(new TypeError('fetch failed', { cause: coded('ECONNRESET') })))
})

test('anything else is the file: missing files, rights, broken pipes, no code at all', () => {
  for (const code of ['ENOENT', 'EACCES', 'EPIPE', undefined, 42, {}])
    assert.ok(!isEnvironmental(coded(code)))
})

test('an error that is its own cause comes to an end', () => {
  const error = coded('EINVAL')
  error.cause = error
  assert.ok(!isEnvironmental(error))
})

test('what stands in the way of one path is neither the environment nor any other file', () => {
  for (const code of ['EISDIR', 'ENOTDIR', 'EEXIST', 'ENOTEMPTY', 'ENAMETOOLONG', 'ELOOP'])
    assert.deepEqual([isOfItsPath(coded(code)), isEnvironmental(coded(code))], [true, false], code)
  assert.ok(isOfItsPath(new Error('no folder', { cause: coded('ENOTDIR') })))
  for (const code of ['ENOENT', 'EACCES', 'ENOSPC', undefined]) assert.ok(!isOfItsPath(coded(code)))
})
