// An adapter for MQTT.js: JSON lines on standard input and output, as clients/README.md says. The only argument is the folder
// that MQTT.js is installed in. One client at a time, which does not connect or subscribe again by itself.
'use strict'
const path = require('node:path')
const { createRequire } = require('node:module')
const theirs = createRequire(path.resolve(process.argv[2] ?? '.', 'package.json'))
const mqtt = theirs('mqtt')

const MESSAGE = ['payload_format_indicator', 'message_expiry_interval', 'content_type', 'response_topic', 'correlation_data',
  'topic_alias', 'user_properties']
const CONNECT = ['session_expiry_interval', 'receive_maximum', 'maximum_packet_size', 'topic_alias_maximum', 'user_properties']

class Unsupported extends Error {}

let client = null
let session = null // Whose session the client has kept.
let v5 = true
let connecting = null // The number of the `connect` that waits.
let live = false
let left = undefined // The reason code of the server's DISCONNECT.
let why = ''
const handles = new Map() // What acknowledges a message.
let lastHandle = 0

const say = (line) => process.stdout.write(JSON.stringify(line) + '\n')
const answer = (id, outcome, more = {}) => say({ id, outcome, ...more })
const binary = (value) => (typeof value === 'string' ? Buffer.from(value) : Buffer.from(value.hex, 'hex'))
const hex = (bytes) => ({ hex: bytes.toString('hex') })
const camel = (name) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase())

// MQTT.js has an object for User Properties: a name with several values has a list.
const paired = (pairs) => {
  const found = {}
  for (const [name, value] of pairs) found[name] = name in found ? [].concat(found[name], value) : value
  return found
}
const pairs = (found) => Object.entries(found).flatMap(([name, values]) => [].concat(values).map((value) => [name, value]))

// Properties of a packet, of which these are known. Every other option is unsupported.
function properties (fields, known) {
  const values = { payload_format_indicator: (value) => value === 1, correlation_data: binary, user_properties: paired }
  const found = {}
  for (const name in fields) {
    if (!known.includes(name)) throw new Unsupported(`\`${name}\``)
    if (!v5) throw new Unsupported(`${name} in MQTT 3.1.1`)
    found[camel(name)] = name in values ? values[name](fields[name]) : fields[name]
  }
  return Object.keys(found).length ? { properties: found } : {}
}

function told (theirs = {}) {
  const values = { payload_format_indicator: Number, correlation_data: hex, user_properties: pairs }
  const found = {}
  for (const name of MESSAGE) if (camel(name) in theirs) found[name] = (values[name] ?? ((value) => value))(theirs[camel(name)])
  if ('subscriptionIdentifier' in theirs) found.subscription_identifiers = [].concat(theirs.subscriptionIdentifier)
  return found
}

// What a request came to: reason codes where the server answered, even with a refusal.
const finish = (id, reasons) => (error, ...more) => {
  const codes = reasons(...more)
  if (codes) return answer(id, 'done', { reasons: codes })
  if (!error) return answer(id, 'done')
  if (typeof error.code === 'number') return answer(id, 'done', { reasons: [error.code] })
  answer(id, live ? 'failed' : 'lost', { why: error.message })
}

// What is not named as a parameter has to be a property that the packet knows.
const operations = {
  hello (id, { protocol, ...rest }) {
    properties(rest, [])
    answer(id, 'hello', { protocol: 1, name: 'mqtt.js', version: theirs('mqtt/package.json').version, mqtt: ['3.1.1', '5.0'] })
  },

  connect (id, { host, port, mqtt: version, client_identifier: clientId, clean_start: clean, keep_alive: keepalive, will,
    user_name: username, password, manual_acknowledgement: byHand, ...rest }) {
    if (live || connecting !== null) return answer(id, 'failed', { why: 'there is a connection' })
    v5 = version === '5.0'
    const options = {
      protocol: 'mqtt', host, port, protocolVersion: v5 ? 5 : 4, clientId, clean, keepalive, reconnectPeriod: 0, resubscribe: false,
      username, password: password === undefined ? undefined : binary(password), will: undefined, properties: undefined,
      ...properties(rest, CONNECT)
    }
    if (will) {
      const { topic, payload, qos, retain, properties: ofMessage, ...more } = will
      const known = { ...properties({ ...ofMessage, ...more }, [...MESSAGE, 'will_delay_interval']) }
      options.will = { topic, payload: binary(payload), qos, retain: !!retain, ...known }
    }
    connecting = id
    const whose = `${version} ${clientId}`
    if (client && !clean && session === whose) {
      Object.assign(client.options, options)
      client.reconnect({ incomingStore: client.incomingStore, outgoingStore: client.outgoingStore })
    } else {
      if (client) client.end(true)
      const stores = { incomingStore: new mqtt.Store({ clean: false }), outgoingStore: new mqtt.Store({ clean: false }) }
      client = listened(mqtt.connect({ ...options, ...stores }))
    }
    session = whose
    // While a message waits here, MQTT.js reads nothing further.
    client.handleMessage = (packet, done) => packet.squall ? handles.set(packet.squall, done) : done()
    client.byHand = !!byHand
  },

  publish (id, { topic, payload, qos, retain, properties: ofMessage, ...rest }) {
    const options = { qos, retain: !!retain, ...properties(rest, []), ...properties(ofMessage, MESSAGE) }
    client.publish(topic, binary(payload), options, finish(id, (packet) =>
      qos > 0 && packet && 'reasonCode' in packet ? [packet.reasonCode] : null))
  },

  subscribe (id, { subscriptions, ...rest }) {
    const wanted = {}
    for (const { topic_filter: filter, qos, no_local: nl, retain_as_published: rap, retain_handling: rh, ...more } of subscriptions) {
      properties(more, [])
      wanted[filter] = { qos, nl: !!nl, rap: !!rap, rh: rh ?? 0 }
    }
    const options = properties(rest, ['subscription_identifier', 'user_properties'])
    client.subscribe(wanted, options, finish(id, (_, packet) => packet?.granted))
  },

  unsubscribe (id, { topic_filters: filters, ...rest }) {
    client.unsubscribe(filters, properties(rest, ['user_properties']), finish(id, (packet) => packet?.granted))
  },

  acknowledge (id, { handle, ...rest }) {
    properties(rest, [])
    if (!handles.has(handle)) return answer(id, 'failed', { why: 'no message waits under this handle' })
    handles.get(handle)()
    handles.delete(handle)
    answer(id, 'done')
  },

  disconnect (id, { reason: reasonCode, ...rest }) {
    const options = { ...properties(rest, ['session_expiry_interval']), ...(reasonCode === undefined ? {} : { reasonCode }) }
    if (!live) return answer(id, 'lost', { why: 'there is no connection' })
    why = 'the client disconnected'
    client.end(false, options, () => answer(id, 'done'))
  },

  drop (id, rest) {
    properties(rest, [])
    if (client) client.stream.destroy()
    answer(id, 'done')
  },

  stop (id, rest) {
    properties(rest, [])
    answer(id, 'done')
    process.exit(0)
  }
}

function listened (one) {
  const mine = (act) => (...more) => { if (one === client) act(...more) }
  one.on('connect', mine((packet) => {
    const id = connecting
    connecting = null
    live = true
    left = undefined
    why = ''
    say({ event: 'connected', session_present: !!packet.sessionPresent })
    answer(id, 'connected', { reason: packet.reasonCode ?? packet.returnCode, session_present: !!packet.sessionPresent })
  }))
  one.on('message', mine((topic, payload, packet) => {
    if (one.byHand && packet.qos > 0) packet.squall = ++lastHandle
    const { qos, retain, dup, squall: handle } = packet
    say({ event: 'delivered', topic, payload: hex(payload), qos, retain, dup, properties: told(packet.properties), handle })
  }))
  one.on('disconnect', mine((packet) => { left = packet.reasonCode }))
  one.on('error', mine((error) => {
    why = error.message || error.code
    if (connecting === null || typeof error.code !== 'number') return
    answer(connecting, 'refused', { reason: error.code })
    connecting = null
  }))
  one.on('close', mine(() => {
    handles.clear()
    if (connecting !== null) answer(connecting, 'lost', { why: why || 'the connection was closed' })
    connecting = null
    if (live) say({ event: 'ended', why: why || 'the connection was closed', reason: left })
    live = false
    why = ''
  }))
  return one
}

require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, do: name, ...asked } = JSON.parse(line)
  try {
    if (!Object.hasOwn(operations, name)) throw new Unsupported(`the operation \`${name}\``)
    if (client || ['hello', 'connect', 'drop', 'stop'].includes(name)) operations[name](id, asked)
    else answer(id, 'lost', { why: 'there was no connection yet' })
  } catch (error) {
    if (error instanceof Unsupported) answer(id, 'unsupported', { what: error.message })
    else answer(id, 'failed', { why: error.message })
  }
}).on('close', () => process.exit(0))
