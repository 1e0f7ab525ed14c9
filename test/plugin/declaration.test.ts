import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { wrongOptions } from '../../src/plugin/worker/declaration.ts'

const values = {
  string: fc.string(),
  number: fc.double({ noNaN: true }),
  boolean: fc.boolean(),
  array: fc.array(fc.string()),
} as const
type Type = keyof typeof values
const TYPES = Object.keys(values) as Type[]

const type = fc.constantFrom(...TYPES)
const strange = fc.constantFrom(null, Number.NaN, 1n, {}, [1], [[]], () => 1, Symbol('s'), new Date(0))
const someOf = (of: Type) => values[of] as fc.Arbitrary<unknown>

test('a default of the declared type is accepted, any other is refused with the name of the option', () => {
  const right = type.chain(of => fc.tuple(fc.constant(of), someOf(of)))
  fc.assert(
    fc.property(right, ([of, fallback]) => {
      assert.equal(wrongOptions({ x: { type: of, default: fallback } }), undefined)
    }),
  )
  const wrong = type.chain(of => {
    const others = TYPES.filter(other => other !== of).map(someOf)
    return fc.tuple(fc.constant(of), fc.oneof(strange, ...others))
  })
  fc.assert(
    fc.property(wrong, ([of, fallback]) => {
      assert.match(
        wrongOptions({ ok: { type: of }, x: { type: of, default: fallback } }) ?? '',
        /^option "x" has a default that is .*, not /s,
      )
    }),
  )
})

test('choices are of the kind of the option, and the default is one of them', () => {
  for (const [option, wrong] of [
    [{ type: 'string', choices: ['a', 'b'], default: 'b' }, undefined],
    [{ type: 'number', choices: [1, 2], default: 2 }, undefined],
    [{ type: 'array', choices: ['a', 'b'], default: ['a', 'b'] }, undefined],
    [{ type: 'array', choices: ['a'], default: [] }, undefined],
    [
      { type: 'string', choices: ['a', 'b'], default: 'c' },
      'option "x" has the default "c", which is none of a, b',
    ],
    [{ type: 'number', choices: [1], default: 2 }, 'option "x" has the default 2, which is none of 1'],
    [
      { type: 'array', choices: ['a'], default: ['a', 'c'] },
      'option "x" has the default "c", which is none of a',
    ],
    [{ type: 'string', choices: ['a', 1] }, 'option "x" has the choice 1, not a string'],
    [{ type: 'number', choices: ['1'] }, 'option "x" has the choice "1", not a number'],
    [
      { type: 'string', choices: 'ab' },
      `option "x" has choices that are "ab", not an array such as ['a', 'b']`,
    ],
    [
      { type: 'number', choices: [] },
      'option "x" has choices that are an empty array, not an array such as [1, 2]',
    ],
    [{ type: 'boolean', choices: [true] }, 'option "x" has choices, which a boolean has not'],
  ] as const)
    assert.equal(wrongOptions({ x: option }), wrong)
})

test('every other part of a declaration has its type, too', () => {
  for (const [option, wrong] of [
    [{ default: 1 }, 'has no type: one of string, number, boolean, array'],
    [{ type: 'date' }, 'has the type "date": one of string, number, boolean, array'],
    [{ type: 'toString' }, 'has the type "toString": one of string, number, boolean, array'],
    [{ type: Number }, 'has the type a function: one of string, number, boolean, array'],
    [{ type: 'string', describe: 5 }, 'has a describe that is 5, not a string'],
    [{ type: 'string', demandOption: 'yes' }, 'has a demandOption that is "yes", not true or false'],
    [{ type: 'string', alias: [1] }, 'has an alias that is an array, not a string or an array of strings'],
  ] as const)
    assert.equal(wrongOptions({ x: option }), `option "x" ${wrong}`)
  assert.equal(wrongOptions({ x: { type: 'string', alias: ['a', 'b'], describe: '' } }), undefined)
})
