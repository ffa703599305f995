"""A dog in Python: serves until a call of `leave`, and calls whoever offers Cat meanwhile."""
import asyncio
import os
from contextlib import aclosing

from waybill import Failed, Waybill


class BoneError(Exception):
    pass


def bark(phrase, loud=False):
    return phrase.upper() if loud else f'wau {phrase}'


async def walk(km, progress):
    for completed in range(1, km + 1):
        await asyncio.sleep(0.01)
        await progress(km, completed)
    return 'home'


async def sniff(smells):
    """To be iterated elsewhere, however long; the credit of who does is what it waits for."""
    try:
        for n in range(smells):
            yield {'smell': n}
    finally:
        print('sniffed', n + 1, flush=True)


async def eat(food):
    """Iterates texts or bytes that are sent from elsewhere, and wants no more than three of them."""
    eaten = []
    async with aclosing(food):
        async for piece in food:
            eaten.append(len(piece))
            if len(eaten) == 3:
                break
    return eaten


async def howl():
    for _ in range(3):
        yield b'\x00woo'


def bite():
    raise BoneError('no bone')


async def main():
    leaving = asyncio.Event()
    url = os.environ.get('WAYBILL_URL', 'ws://127.0.0.1:7411')
    async with Waybill(url, name='py', token=os.environ.get('WAYBILL_TOKEN')) as waybill:
        await waybill.subscribe('dog.*', lambda event: print('heard', event['topic'], event['value'], 'from', event['sender'], flush=True))
        methods = {'bark': bark, 'walk': walk, 'bite': bite, 'sniff': sniff, 'eat': eat, 'leave': leaving.set}
        await waybill.serve('Dog', '1.2.0', methods, labels={'language': 'python'})
        print('The kennel is open.', flush=True)
        print(await waybill.call('Cat', 'purr', {'loud': True}, wait=10_000, on_progress=lambda *of: print('progress', *of)), flush=True)
        try:
            await waybill.call('Cat', 'bark')
        except Failed as failed:
            print(failed.code, failed.executed, flush=True)
        async with aclosing(await waybill.call('Cat', 'sing', 1_000_000)) as song:
            async for note in song:
                print(note, flush=True)
                if note == 'note 2':
                    break
        async for note in await waybill.call('Cat', 'sing', 2):
            print('again', note, flush=True)
        print(await waybill.call('Cat', 'hear', howl()), flush=True)
        await waybill.publish('dog.barked', {'phrase': 'wau'})
        await leaving.wait()


asyncio.run(main())
