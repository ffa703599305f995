/** Which networks and which addresses may be posted to: tables of them. */
import { describe, expect, test } from 'vitest'
import { networkOf, type Network } from '../src/webhooks/networks.js'
import { Origins, type Openings } from '../src/webhooks/origins.js'

describe('networks', () => {
  const table: Readonly<Record<Network, readonly string[]>> = {
    public: ['93.184.216.34', '1.1.1.1', '172.32.0.1', '2606:4700::1111', '::ffff:1.1.1.1', '64:ff9b::1.1.1.1'],
    loopback: ['127.0.0.1', '127.255.255.254', '::1', '::ffff:127.0.0.1', '::ffff:7f00:1'],
    private: ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '100.64.0.1', '::ffff:10.0.0.1', 'fd12::1', 'fc00::1'],
    never: [
      ...['0.0.0.0', '0.1.2.3', '::', '255.255.255.255', '224.0.0.1', '239.255.255.250', 'ff02::1', '240.0.0.1'],
      // Link-local, with the metadata of clouds; those of them that are elsewhere.
      ...['169.254.169.254', '169.254.0.1', 'fe80::1', 'fe80::1%eth0', '::ffff:169.254.169.254'],
      ...['fd00:ec2::254', 'fd20:ce::254', '100.100.100.200', '192.0.0.192', '::ffff:100.100.100.200'],
      // What a translator or a tunnel makes of them.
      ...['64:ff9b::127.0.0.1', '64:ff9b::10.0.0.1', '64:ff9b::169.254.169.254', '64:ff9b:1::1', '::ffff:0:127.0.0.1'],
      ...[
        '2002:7f00:1::',
        '2001:0:7f00:1::',
        '::127.0.0.1',
        '::1.1.1.1',
        '::7f00:1',
        '2130706433',
        '0x7f.1',
        '127.1',
        'fec0::1',
        '4000::1',
        '2001:db8::1',
        '100::1',
      ],
      ...['192.0.2.1', '198.51.100.1', '203.0.113.1', '198.18.0.1', '192.88.99.1'],
      ...['', 'localhost', '1.2.3.4.5', '::1 ', '127.0.0.1\0'],
    ],
  }
  test.each(Object.entries(table) as [Network, readonly string[]][])('%s', (network, addresses) => {
    expect(addresses.map((address) => [address, networkOf(address)])).toEqual(addresses.map((address) => [address, network]))
  })
})

describe('origins', () => {
  const reason = (openings: Openings | undefined, address: string): unknown => {
    try {
      new Origins(openings).check(address)
    } catch (error) {
      return (error as { details?: { reason?: string } }).details?.reason
    }
    return undefined
  }
  const listed = (...origins: string[]): Openings => ({ origins, loopback: true })

  test.each([
    ['https://hooks.example.com', ['https://hooks.example.com/dog?x=1', 'https://HOOKS.example.com:443/', 'https://hooks.example.com']],
    ['http://hooks.example.com:8080', ['http://hooks.example.com:8080/']],
    ['https://hooks.example.com:*', ['https://hooks.example.com/', 'https://hooks.example.com:8443/']],
    ['https://*.example.com', ['https://a.example.com/', 'https://a.b.example.com/']],
    ['https://*', ['https://example.com/', 'https://[2606:4700::1111]/', 'https://1.1.1.1/']],
    ['http://127.0.0.1:*', ['http://127.0.0.1:9000/', 'http://2130706433:9000/', 'http://0x7f.1/']],
    ['http://[::1]:*', ['http://[::1]:1/', 'http://[0:0:0:0:0:0:0:1]/']],
    ['https://bücher.example', ['https://xn--bcher-kva.example/']],
  ])('%s lets in what is of it', (origin, addresses) => {
    for (const address of addresses) expect([address, reason(listed(origin), address)]).toEqual([address, undefined])
  })

  test.each([
    [
      'https://hooks.example.com',
      [
        'http://hooks.example.com/',
        'https://hooks.example.com:8443/',
        'https://hooks.example.com.evil.example/',
        'https://hooks.example.com./',
      ],
    ],
    [
      'https://*.example.com',
      ['https://example.com/', 'https://evilexample.com/', 'https://a.example.com:8443/', 'https://a.example.com./'],
    ],
    ['http://127.0.0.1:*', ['http://127.0.0.2/', 'http://localhost/', 'https://127.0.0.1/']],
  ])('%s lets nothing else in', (origin, addresses) => {
    for (const address of addresses) expect([address, reason(listed(origin), address)]).toEqual([address, 'origin'])
  })

  test('an address is a URL without credentials and fragment, and no error repeats it', () => {
    const wrong = [
      ...['', 'hooks.example.com', '/receive', 'ftp://example.com/', 'file:///etc/passwd', 'javascript:1', 'ws://example.com'],
      ...[
        'https://user@example.com/',
        'https://:secret@example.com/',
        'https://example.com/#a',
        'https://example.com/\nx',
        ' https://example.com',
      ],
      ...['https://bücher.example/', `https://example.com/${'a'.repeat(2048)}`, 'http://', 'http://[::1', 'http://[fe80::1%25eth0]/'],
    ]
    for (const address of wrong) expect([address, reason(listed('https://*', 'http://*'), address)]).toEqual([address, 'address'])
    expect(() => new Origins(listed('https://*')).check('https://me:secret@example.com/')).not.toThrow(/secret/)
    expect(() => new Origins(listed('https://*')).check('https://me:secret@example.com/')).toThrow(/credentials/)
  })

  test('without options nothing may be registered; options that open nothing are a mistake', () => {
    expect(reason(undefined, 'https://example.com/')).toBe('off')
    expect(() => new Origins({})).toThrow(/name the origins/)
    expect(() => new Origins({ origins: [], loopback: true })).toThrow(/name the origins/)
    expect(() => new Origins({ origins: ['http://127.0.0.1:*'] })).toThrow(/--webhook-loopback/)
    for (const origin of [
      '',
      '*',
      'example.com',
      'https://',
      'https://a.com/path',
      'https://me@a.com',
      'ftp://a.com',
      'https://a.*.com',
      'https://a:99999',
    ])
      expect(() => new Origins(listed(origin)), origin).toThrow(/is no origin/)
  })

  test('loopback alone lists this machine', () => {
    for (const host of ['127.0.0.1', 'localhost', '[::1]']) expect(reason({ loopback: true }, `http://${host}:9000/`)).toBeUndefined()
    expect(reason({ loopback: true }, 'https://example.com/')).toBe('origin')
  })

  test('where a host may lead depends on who chose its name', () => {
    const networks = (openings: Openings, address: string): string[] => [...new Origins(openings).check(address).networks].toSorted()
    const all = { loopback: true, private: true }
    expect(networks({ origins: ['https://hooks.example.com'], ...all }, 'https://hooks.example.com/')).toEqual(['private', 'public'])
    expect(networks({ origins: ['https://*.example.com'], ...all }, 'https://hooks.example.com/')).toEqual(['public'])
    expect(networks({ origins: ['http://*'], ...all }, 'http://10.0.0.1/')).toEqual(['public'])
    expect(networks({ origins: ['http://localhost:*'], ...all }, 'http://localhost:1/')).toEqual(['loopback', 'private', 'public'])
    expect(networks({ origins: ['https://hooks.example.com'] }, 'https://hooks.example.com/')).toEqual(['public'])
  })

  test('a proof is needed where a pattern lets somebody in', () => {
    const needsProof = (origin: string, address: string): boolean => new Origins(listed(origin)).check(address).needsProof
    expect(needsProof('https://hooks.example.com', 'https://hooks.example.com/')).toBe(false)
    expect(needsProof('https://hooks.example.com:*', 'https://hooks.example.com/')).toBe(true)
    expect(needsProof('https://*.example.com', 'https://hooks.example.com/')).toBe(true)
    expect(needsProof('https://*', 'https://hooks.example.com/')).toBe(true)
    expect(needsProof('http://127.0.0.1:*', 'http://127.0.0.1:9000/')).toBe(false)
  })
})
