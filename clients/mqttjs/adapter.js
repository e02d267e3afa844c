// An adapter for MQTT.js: JSON lines on standard input and output, as clients/README.md says. The only argument is the folder
// that MQTT.js is installed in. One client at a time, which does not connect or subscribe again by itself.
'use strict'
const path = require('node:path')
const { createRequire } = require('node:module')
const theirs = createRequire(path.resolve(process.argv[2] ?? '.', 'package.json'))
const mqtt = theirs('mqtt')

const MESSAGE = {
  message_expiry_interval: 'messageExpiryInterval', content_type: 'contentType', response_topic: 'responseTopic',
  topic_alias: 'topicAlias'
}
const CONNECT = {
  session_expiry_interval: 'sessionExpiryInterval', receive_maximum: 'receiveMaximum',
  maximum_packet_size: 'maximumPacketSize', topic_alias_maximum: 'topicAliasMaximum'
}
const MESSAGE_KEYS = [...Object.keys(MESSAGE), 'payload_format_indicator', 'correlation_data', 'user_properties']
const KNOWN = {
  hello: ['protocol'],
  connect: ['host', 'port', 'mqtt', 'client_identifier', 'clean_start', 'keep_alive', 'will', 'user_name', 'password',
    'manual_acknowledgement', 'user_properties', ...Object.keys(CONNECT)],
  publish: ['topic', 'payload', 'qos', 'retain', 'properties'],
  subscribe: ['subscriptions', 'subscription_identifier', 'user_properties'],
  unsubscribe: ['topic_filters', 'user_properties'],
  acknowledge: ['handle'],
  disconnect: ['reason', 'session_expiry_interval'],
  drop: [],
  stop: []
}

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
const written = (bytes) => {
  const text = bytes.toString()
  return Buffer.from(text).equals(bytes) ? text : { hex: bytes.toString('hex') }
}
const only = (fields, known, where) => {
  for (const name in fields) if (!known.includes(name)) throw new Unsupported(`\`${name}\` in ${where}`)
}

// MQTT.js has an object for User Properties: a name with several values has a list.
const paired = (pairs = []) => {
  const found = {}
  for (const [name, value] of pairs) found[name] = name in found ? [].concat(found[name], value) : value
  return pairs.length ? { userProperties: found } : {}
}

function properties (fields, names, more = {}) {
  const found = { ...paired(fields.user_properties), ...more }
  for (const name in names) if (name in fields) found[names[name]] = fields[name]
  if (Object.keys(found).length && !v5) throw new Unsupported(`${Object.keys(found)[0]} in MQTT 3.1.1`)
  return Object.keys(found).length ? { properties: found } : {}
}

function ofMessage (fields = {}, more = {}) {
  only(fields, MESSAGE_KEYS, 'properties')
  if ('payload_format_indicator' in fields) more.payloadFormatIndicator = fields.payload_format_indicator === 1
  if ('correlation_data' in fields) more.correlationData = binary(fields.correlation_data)
  return properties(fields, MESSAGE, more)
}

function told (theirs = {}) {
  const found = {}
  for (const name in MESSAGE) if (MESSAGE[name] in theirs) found[name] = theirs[MESSAGE[name]]
  if ('payloadFormatIndicator' in theirs) found.payload_format_indicator = Number(theirs.payloadFormatIndicator)
  if ('correlationData' in theirs) found.correlation_data = written(theirs.correlationData)
  if ('subscriptionIdentifier' in theirs) found.subscription_identifiers = [].concat(theirs.subscriptionIdentifier)
  const pairs = Object.entries(theirs.userProperties ?? {}).flatMap(([k, v]) => [].concat(v).map((one) => [k, one]))
  if (pairs.length) found.user_properties = pairs
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

const operations = {
  hello (id) {
    answer(id, 'hello', { protocol: 1, name: 'mqtt.js', version: theirs('mqtt/package.json').version, mqtt: ['3.1.1', '5.0'] })
  },

  connect (id, asked) {
    if (live || connecting !== null) return answer(id, 'failed', { why: 'there is a connection' })
    v5 = asked.mqtt === '5.0'
    const options = {
      protocol: 'mqtt', host: asked.host, port: asked.port, protocolVersion: v5 ? 5 : 4, clientId: asked.client_identifier,
      clean: asked.clean_start, keepalive: asked.keep_alive, reconnectPeriod: 0, resubscribe: false,
      username: asked.user_name, password: 'password' in asked ? binary(asked.password) : undefined, will: undefined,
      properties: undefined, ...properties(asked, CONNECT)
    }
    if (asked.will) {
      only(asked.will, ['topic', 'payload', 'qos', 'retain', 'will_delay_interval', 'properties'], 'will')
      const delay = 'will_delay_interval' in asked.will ? { willDelayInterval: asked.will.will_delay_interval } : {}
      options.will = {
        topic: asked.will.topic, payload: binary(asked.will.payload), qos: asked.will.qos, retain: !!asked.will.retain,
        ...ofMessage(asked.will.properties, delay)
      }
    }
    connecting = id
    const whose = `${v5} ${asked.client_identifier}`
    if (client && !asked.clean_start && session === whose) {
      Object.assign(client.options, options)
      client.reconnect({ incomingStore: client.incomingStore, outgoingStore: client.outgoingStore })
    } else {
      if (client) client.end(true)
      const stores = { incomingStore: new mqtt.Store({ clean: false }), outgoingStore: new mqtt.Store({ clean: false }) }
      client = listened(mqtt.connect({ ...options, ...stores }))
    }
    session = whose
    // While a message waits here, MQTT.js reads nothing further.
    client.handleMessage = (packet, done) => {
      const handle = packet.squall
      if (handle && asked.manual_acknowledgement) handles.set(handle, done)
      else done()
    }
    client.byHand = !!asked.manual_acknowledgement
  },

  publish (id, asked) {
    const options = { qos: asked.qos, retain: !!asked.retain, ...ofMessage(asked.properties) }
    client.publish(asked.topic, binary(asked.payload), options, finish(id, (packet) =>
      asked.qos > 0 && packet && 'reasonCode' in packet ? [packet.reasonCode] : null))
  },

  subscribe (id, asked) {
    const wanted = {}
    for (const one of asked.subscriptions) {
      only(one, ['topic_filter', 'qos', 'no_local', 'retain_as_published', 'retain_handling'], 'a subscription')
      wanted[one.topic_filter] = { qos: one.qos, nl: !!one.no_local, rap: !!one.retain_as_published, rh: one.retain_handling ?? 0 }
    }
    const options = properties(asked, { subscription_identifier: 'subscriptionIdentifier' })
    client.subscribe(wanted, options, finish(id, (_, packet) => packet?.granted))
  },

  unsubscribe (id, asked) {
    client.unsubscribe(asked.topic_filters, properties(asked, {}), finish(id, (packet) => packet?.granted))
  },

  acknowledge (id, asked) {
    const done = handles.get(asked.handle)
    if (!done) return answer(id, 'failed', { why: 'no message waits under this handle' })
    handles.delete(asked.handle)
    done()
    answer(id, 'done')
  },

  disconnect (id, asked) {
    const options = properties(asked, { session_expiry_interval: 'sessionExpiryInterval' })
    if ('reason' in asked) options.reasonCode = asked.reason
    if (!live) return answer(id, 'lost', { why: 'there is no connection' })
    why = 'the client disconnected'
    client.end(false, options, () => answer(id, 'done'))
  },

  drop (id) {
    if (client) client.stream.destroy()
    answer(id, 'done')
  },

  stop (id) {
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
    const line = { event: 'delivered', topic, payload: written(payload), qos: packet.qos, retain: packet.retain, dup: packet.dup, properties: told(packet.properties) }
    if (one.byHand && packet.qos > 0) line.handle = packet.squall = ++lastHandle
    say(line)
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
    if (!(name in KNOWN)) throw new Unsupported(`the operation \`${name}\``)
    only(asked, KNOWN[name], name)
    if (client || ['hello', 'connect', 'drop', 'stop'].includes(name)) operations[name](id, asked)
    else answer(id, 'lost', { why: 'there was no connection yet' })
  } catch (error) {
    if (error instanceof Unsupported) answer(id, 'unsupported', { what: error.message })
    else answer(id, 'failed', { why: error.message })
  }
}).on('close', () => process.exit(0))
