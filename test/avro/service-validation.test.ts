/** Protocols that are refused, each with the path of the place, and odd ones that are not. */
import assert from 'node:assert/strict'
import t from 'tap'
import { type AvroProtocol, defineService, isRivuletError } from '../../src/avro/index.js'
import { serviceOf } from '../../src/avro/service-codec.js'
import { define, field } from './services.js'

function issuesOf(protocol: unknown) {
  try {
    defineService(protocol as AvroProtocol)
  } catch (error) {
    assert.ok(isRivuletError(error, 'RIVULET_INVALID_SCHEMA'), String(error))
    return error.issues
  }
  return assert.fail('the protocol was accepted')
}

const call = { request: [], response: 'null' }
const failure = { type: 'error', name: 'E', fields: [] }
const service = (messages: unknown, types: unknown = [failure]) => ({ protocol: 'P', types, messages })
const message = (rest: object) => service({ m: { ...call, ...rest } })
const oneWay = (rest: object) => service({ m: { request: [], 'one-way': true, ...rest } })

t.test('refused, with the path', async (t) => {
  const manyMessages = Object.fromEntries(Array.from({ length: 1_025 }, (_, index) => [`m${index}`, call]))
  const manyFields = Array.from({ length: 4_097 }, (_, index) => field(`f${index}`, 'int'))
  const cases: [string, unknown, string[]][] = [
    ['no protocol', undefined, ['']],
    ['an array', [], ['']],
    ['a number', 5, ['']],
    ['no JSON', { protocol: 5n }, ['']],
    ['no name', { messages: {} }, ['protocol']],
    ['a name that is none', { protocol: 'a b', messages: {} }, ['protocol']],
    ['a namespace that is none', { protocol: 'P', namespace: 'a..b', messages: {} }, ['namespace']],
    ['a namespace of another type', { protocol: 'P', namespace: 5, messages: {} }, ['namespace']],
    ['no messages', { protocol: 'P' }, ['messages']],
    ['messages of another type', { protocol: 'P', messages: [] }, ['messages']],
    ['too many messages', service(manyMessages), ['messages']],
    ['types of another type', service({}, {}), ['types']],
    ['a type that has no name', service({}, ['string']), ['types[0]']],
    ['a type by name', service({}, [failure, 'E']), ['types[1]']],
    ['a type that is an array', service({}, [{ type: 'array', items: 'int' }]), ['types[0]']],
    ['a type twice', service({}, [failure, failure]), ['types[1]']],
    [
      'a type before its definition',
      service({}, [{ type: 'record', name: 'R', fields: [field('e', 'E')] }, failure]),
      ['types[0].e'],
    ],
    ['a type in types and in a message', message({ response: failure }), ['messages.m.response']],
    ['an unknown type in a type', service({}, [{ ...failure, fields: [field('a', 'flot')] }]), ['types[0].a']],
    ['a message of another type', service({ m: 'x' }), ['messages.m']],
    ['no request', service({ m: { response: 'null' } }), ['messages.m']],
    ['a request of another type', message({ request: 'E' }), ['messages.m']],
    ['a parameter twice', message({ request: [field('a', 'int'), field('a', 'int')] }), ['messages.m.request.a']],
    ['a parameter without a name', message({ request: [{ type: 'int' }] }), ['messages.m.request']],
    [
      'an unknown type in a request',
      message({ request: [field('a', { type: 'array', items: 'flot' })] }),
      ['messages.m.request.a[]'],
    ],
    ['a default of another type', message({ request: [field('a', 'int', 'x')] }), ['messages.m.request.a']],
    ['a prototype as a parameter', message({ request: [field('__proto__', 'int')] }), ['messages.m.request.__proto__']],
    ['no response', service({ m: { request: [] } }), ['messages.m']],
    ['an unknown response', message({ response: 'flot' }), ['messages.m.response']],
    [
      'several',
      service({ a: { ...call, response: 'x' }, b: { ...call, errors: ['y'] } }),
      ['messages.a.response', 'messages.b.errors[0]'],
    ],
    ['errors of another type', message({ errors: 'E' }), ['messages.m.errors']],
    ['an unknown error', message({ errors: ['E', 'F'] }), ['messages.m.errors[1]']],
    ['an error twice', message({ errors: ['E', 'E'] }), ['messages.m.errors[1]']],
    ['an error that is a string', message({ errors: ['string'] }), ['messages.m.errors[0]']],
    [
      'an error that is a definition',
      message({ errors: [{ type: 'error', name: 'F', fields: [] }] }),
      ['messages.m.errors[0]'],
    ],
    [
      'an error that is an enum',
      service({ m: { ...call, errors: ['F'] } }, [{ type: 'enum', name: 'F', symbols: ['A'] }]),
      ['messages.m.errors[0]'],
    ],
    ['an unknown kind of stream', message({ 'x-stream': 'both' }), ['messages.m']],
    ['a stream of another type', message({ 'x-stream': true }), ['messages.m']],
    ['idempotent of another type', message({ 'x-idempotent': 'yes' }), ['messages.m']],
    ['one-way of another type', message({ 'one-way': 'yes' }), ['messages.m']],
    ['one-way with a response', oneWay({ response: 'int' }), ['messages.m.response']],
    ['one-way with errors', oneWay({ errors: ['E'] }), ['messages.m']],
    ['one-way with a stream', oneWay({ 'x-stream': 'client' }), ['messages.m']],
    ['a name that is none', service({ 'a-b': call }), ['messages.a-b']],
    ['an empty name', service({ '': call }), ['messages.']],
    [
      'too many fields',
      service({ a: { ...call, request: manyFields }, b: { ...call, request: manyFields } }),
      ['messages.b.request'],
    ],
    ['too much text', { ...service({}), doc: 'x'.repeat(256 * 1024) }, ['']],
  ]
  for (const [name, protocol, paths] of cases) {
    t.same(
      issuesOf(protocol).map(({ path }) => path),
      paths,
      name,
    )
  }
})

t.test('names that would poison an object or a promise are reserved', async (t) => {
  const documented = [
    ...['__proto__', '__defineGetter__', '__defineSetter__', '__lookupGetter__', '__lookupSetter__'],
    ...['constructor', 'prototype', 'hasOwnProperty', 'isPrototypeOf', 'propertyIsEnumerable'],
    ...['toString', 'toLocaleString', 'valueOf', 'toJSON', 'then'],
  ]
  for (const name of [...documented, ...Object.getOwnPropertyNames(Object.prototype)]) {
    const messages = { [name]: call }
    t.same(issuesOf(service(messages)), [{ path: `messages.${name}`, message: 'the name is reserved' }], name)
  }
  for (const name of ['close', 'promises', 'calls', 'errors', 'links', 'catch', 'finally', 'name', 'length', 'bind']) {
    t.ok(serviceOf(define(service({ [name]: call }))).methods.has(name), name)
  }
})

t.test('what is odd but legal', async (t) => {
  const odd = define({
    protocol: 'P',
    namespace: 'n',
    messages: {
      a: { request: [field('e', { type: 'enum', name: 'E', symbols: ['A'] })], response: ['null', 'n.E'], errors: [] },
      b: { request: [], response: { type: 'null' }, 'one-way': true, errors: [] },
      c: { ...call, 'one-way': false, extra: 1, 'x-own': { deep: [1] } },
      d: { ...call, request: [field('constructor', 'int'), field('toString', 'int', 0)] },
    },
  })
  const shapes = [...serviceOf(odd).methods.values()].map(({ name, shape }) => [name, shape])
  t.same(shapes, [
    ['a', 'unary'],
    ['b', 'one-way'],
    ['c', 'unary'],
    ['d', 'unary'],
  ])
  t.match(serviceOf(odd).text, '"extra":1,"x-own":{"deep":[1]}')
  t.same([...serviceOf(define({ protocol: 'P', messages: {} })).methods], [])
})
