'use strict'
// Plays a part with MQTT.js: mqttjs_parts.js LIBRARY URL CA VERSION NAME qos|retained|session|will
// Everything below NAME is its own. What the library calls an error goes to standard error, and ends it.

const assert = require('node:assert')
const { readFileSync } = require('node:fs')
const [library, url, ca, version, name, part] = process.argv.slice(2)
const mqtt = require(library)
const five = version === '5.0'

process.on('unhandledRejection', (error) => {
  console.error(error)
  process.exit(1)
})
setTimeout(() => {
  console.error('it takes too long')
  process.exit(1)
}, 50_000).unref()

async function person (who, { clean = true, will } = {}) {
  const client = mqtt.connect(url, {
    clientId: `${name}-${who}`,
    clean,
    will,
    ca: readFileSync(ca),
    protocolVersion: five ? 5 : 4,
    reconnectPeriod: 0,
    properties: five ? { sessionExpiryInterval: clean ? 0 : 600 } : undefined
  })
  const failed = (error) => { throw error }
  client.on('error', failed)
  client.stream.on('error', failed)
  client.on('disconnect', (packet) => failed(new Error(`DISCONNECT ${packet.reasonCode}`)))
  const inbox = []
  let wake = () => {}
  client.on('message', (topic, payload, { qos, retain }) => {
    inbox.push({ topic, payload, qos, retain })
    wake()
  })
  const present = await new Promise((resolve) => client.on('connect', (packet) => resolve(packet.sessionPresent)))
  return {
    present,
    async subscribe (last, qos) {
      const [granted] = await client.subscribeAsync(`${name}/${last}`, { qos })
      assert.strictEqual(granted.qos, qos)
    },
    publish: (last, payload, qos, retain = false) => client.publishAsync(`${name}/${last}`, payload, { qos, retain }),
    async hears (last, payload, qos, retain = false) {
      while (inbox.length === 0) await new Promise((resolve) => { wake = resolve })
      assert.deepStrictEqual(inbox.shift(), { topic: `${name}/${last}`, payload: Buffer.from(payload), qos, retain })
    },
    async leave () {
      await client.endAsync()
      assert.deepStrictEqual(inbox, [])
    }
  }
}

const parts = {
  async qos () {
    const one = await person('one')
    await one.subscribe('qos/#', 2)
    for (const qos of [0, 1, 2]) {
      for (const payload of ['', Buffer.from([...Array(256).keys()]), 'x'.repeat(100_000)]) {
        await one.publish(`qos/${qos}`, payload, qos)
        await one.hears(`qos/${qos}`, payload, qos)
      }
    }
    await one.leave()
  },

  async retained () {
    const [one, other] = [await person('one'), await person('other')]
    await one.publish('retained', 'there', 1, true)
    await other.subscribe('retained', 2)
    await other.hears('retained', 'there', 1, true)
    await one.publish('retained', '', 1, true)
    await other.hears('retained', '', 1)
    const late = await person('late')
    await late.subscribe('retained', 1)
    await late.publish('retained', 'new', 1)
    await late.hears('retained', 'new', 1)
    await other.hears('retained', 'new', 1)
    for (const person of [one, other, late]) await person.leave()
  },

  async session () {
    await (await person('away')).leave()
    let away = await person('away', { clean: false })
    assert.strictEqual(away.present, false)
    await away.subscribe('session', 2)
    await away.leave()
    const other = await person('other')
    for (const qos of [1, 2]) await other.publish('session', 'kept', qos)
    await other.leave()
    away = await person('away', { clean: false })
    assert.strictEqual(away.present, true)
    for (const qos of [1, 2]) await away.hears('session', 'kept', qos)
    await away.leave()
    await (await person('away')).leave()
  },

  async will () {
    await person('dies', { will: { topic: `${name}/will`, payload: Buffer.from('gone'), qos: 1, retain: true } })
    process.exit(0)
  }
}

parts[part]().then(() => console.log(`${part} done`))
