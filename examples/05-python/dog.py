"""A dog in Python: serves until a call of `leave`, and calls whoever offers Cat meanwhile."""
import asyncio
import os
from contextlib import aclosing

from waybill import Failed, connect


class BoneError(Exception):
    pass


def bark(tell, phrase, loud=False):
    return phrase.upper() if loud else f'wau {phrase}'


async def walk(tell, km):
    for completed in range(1, km + 1):
        await asyncio.sleep(0.01)
        await tell(total=km, completed=completed)
    return 'home'


async def sniff(tell, smells):
    """To be iterated elsewhere, however long; the credit of who does is what it waits for."""
    try:
        for n in range(smells):
            yield {'smell': n}
    finally:
        print('sniffed', n + 1, flush=True)


async def eat(tell, food):
    """Iterates texts or bytes that are sent from elsewhere, and wants no more than three of them."""
    eaten = []
    async with aclosing(food):
        async for piece in food:
            eaten.append(len(piece))
            if len(eaten) == 3:
                break
    return eaten


async def fetch(tell, sticks):
    """Brings back what is thrown, one after the other."""
    async for stick in sticks:
        yield f'fetched {stick}'


def doze(tell, visitors):
    """Looks at nobody."""
    return 'zzz'


async def wait(tell):
    """Yields nothing, until nobody waits with it."""
    try:
        await asyncio.Event().wait()
        yield
    finally:
        print('waited', flush=True)


async def howl():
    for _ in range(3):
        yield b'\x00woo'


async def endless(what):
    try:
        while True:
            yield what
    finally:
        print('no more', what, flush=True)


async def failing():
    yield b'wo'
    raise BoneError('a bone in the throat')


def bite(tell):
    raise BoneError('no bone')


def dig(tell):
    return {'what no JSON can say'}


async def tell_outcome(call):
    try:
        print(await call, flush=True)
    except Failed as failed:
        print(failed.code, failed.executed, failed, flush=True)


async def ask(waybill):
    """Calls Cat in all ways."""
    def on_status(status):
        print(*[status[word] for word in ('status', 'completed') if word in status], flush=True)

    print(await waybill.call('Cat', 'purr', {'loud': True}, wait=10_000, on_status=on_status), flush=True)
    await tell_outcome(waybill.call('Cat', 'bark'))
    await tell_outcome(waybill.call('Cat', 'hiss'))
    await tell_outcome(waybill.call('Cat', 'hear', endless('sigh'), routing=[None, '?']))
    async with aclosing(await waybill.call('Cat', 'sing', 1_000_000)) as song:
        async for note in song:
            print(note, flush=True)
            if note == 'note 2':
                break
    async for note in await waybill.call('Cat', 'sing', 2):
        print('again', note, flush=True)
    print(await waybill.call('Cat', 'hear', howl()), flush=True)
    print(await waybill.call('Cat', 'nap', endless('lullaby')), flush=True)
    await tell_outcome(waybill.call('Cat', 'hear', failing()))
    async with aclosing(await waybill.call('Cat', 'echo', endless('meow'))) as echoes:
        print(await anext(echoes), await anext(echoes), flush=True)
    try:
        await asyncio.wait_for(waybill.call('Cat', 'sleep'), 0.1)
    except asyncio.TimeoutError:
        print('cancelled', flush=True)


async def main():
    leaving = asyncio.Event()
    hello = {'name': 'py'}
    if token := os.environ.get('WAYBILL_TOKEN'):
        hello['credentials'] = {'token': token}
    async with connect(os.environ.get('WAYBILL_URL', 'ws://127.0.0.1:7411'), **hello) as waybill:
        others = waybill.queues[None, 'others'] = asyncio.Queue()
        await waybill.ask({'subscribe': {'topic': 'dog.*'}})
        methods = [bark, walk, sniff, eat, fetch, doze, wait, bite, dig]
        offered = {method.__name__: method for method in methods} | {'leave': lambda tell: leaving.set()}
        await waybill.serve('Dog', offered, version='1.2.0', labels={'language': 'python'})
        print('The kennel is open.', flush=True)
        await ask(waybill)
        await waybill.say(publish={'topic': 'dog.barked', 'value': {'phrase': 'wau'}})
        event = (await others.get())['event']
        print('heard', event['topic'], event['value'], 'from', event['sender'], flush=True)
        await leaving.wait()


asyncio.run(main())
