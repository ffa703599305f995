/** URLs of bare sockets: what each says, the one form in which it is printed, and what is none. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isSocketUrl, parseHostPort, parseSocketUrl, printSocketUrl } from '../src/index.js'

describe('a URL of a socket', () => {
  it.each([
    ['tcp://127.0.0.1:7412', { kind: 'tcp', host: '127.0.0.1', port: 7412, tls: false }],
    ['TCP://box.example:1/', { kind: 'tcp', host: 'box.example', port: 1, tls: false }],
    ['tcps://[::1]:65535', { kind: 'tcp', host: '::1', port: 65535, tls: true }],
    ['unix:/run/waybill.sock', { kind: 'unix', path: '/run/waybill.sock' }],
    ['unix:///run/waybill.sock', { kind: 'unix', path: '/run/waybill.sock' }],
    ['unix:/a%20b/%3F%23%25/h%C3%BCtte', { kind: 'unix', path: '/a b/?#%/hütte' }],
  ])('%s', (text, target) => {
    expect(isSocketUrl(text)).toBe(true)
    expect(parseSocketUrl(text)).toEqual(target)
    expect(parseSocketUrl(printSocketUrl(parseSocketUrl(text)))).toEqual(target)
  })

  it.each([
    ['tcp:127.0.0.1:7412', 'tcp://host:port'],
    ['tcp://127.0.0.1', 'no port'],
    ['tcp://127.0.0.1:', 'no port'],
    ['tcp://127.0.0.1:0', '1 to 65535'],
    ['tcp://127.0.0.1:65536', '65535'],
    ['tcp://127.0.0.1:74x', 'no port'],
    ['tcp://:7412', 'no host'],
    ['tcp://::1:7412', 'brackets'],
    ['tcp://a b:7412', 'no host'],
    ['tcp://box:7412/path', 'tcp://host:port'],
    ['tcps://box:7412?a=b', 'tcps://host:port'],
    ['tcp://me:secret@box:7412', 'credentials'],
    ['unix:run/waybill.sock', 'absolute'],
    ['unix:', 'absolute'],
    ['unix://host/run/waybill.sock', 'this machine'],
    ['unix:/run/', 'no file'],
    ['unix:/run/a?b', '%3F'],
    ['unix:/run/a#b', '%3F'],
    ['unix:/run/100%', '%25'],
    ['unix:/run/%ff', '%25'],
    ['unix:/run/%00', 'zero'],
    ['ws://127.0.0.1:7411', 'none of'],
  ])('%s is none', (text, says) => {
    expect(() => parseSocketUrl(text)).toThrow(expect.objectContaining({ code: 'BadAddress', message: expect.stringContaining(says) }))
  })

  it('never repeats a secret that stood in it', () => {
    expect(() => parseSocketUrl('tcp://me:secret@box:1')).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('secret') }),
    )
  })

  it('holds every path', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (name) => {
        const path = `/${name.replaceAll(/[\0/]/g, '_')}`
        expect(parseSocketUrl(printSocketUrl({ kind: 'unix', path }))).toEqual({ kind: 'unix', path })
      }),
    )
  })

  it('host and port alone', () => {
    expect(parseHostPort('[::]:0')).toEqual({ host: '::', port: 0 })
    expect(() => parseHostPort('box')).toThrow('"box" names no port: write host:port')
  })
})
