"""A dog in Python: serves until a call of `leave`, and calls whoever offers Cat meanwhile."""
import asyncio
import os

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


def bite():
    raise BoneError('no bone')


async def main():
    leaving = asyncio.Event()
    url = os.environ.get('WAYBILL_URL', 'ws://127.0.0.1:7411')
    async with Waybill(url, name='py', token=os.environ.get('WAYBILL_TOKEN')) as waybill:
        await waybill.subscribe('dog.*', lambda event: print('heard', event['topic'], event['value'], 'from', event['sender'], flush=True))
        await waybill.serve('Dog', '1.2.0', {'bark': bark, 'walk': walk, 'bite': bite, 'leave': leaving.set}, labels={'language': 'python'})
        print('The kennel is open.', flush=True)
        print(await waybill.call('Cat', 'purr', {'loud': True}, wait=10_000, on_progress=lambda *of: print('progress', *of)), flush=True)
        try:
            await waybill.call('Cat', 'bark')
        except Failed as failed:
            print(failed.code, failed.executed, flush=True)
        await waybill.publish('dog.barked', {'phrase': 'wau'})
        await leaving.wait()


asyncio.run(main())
