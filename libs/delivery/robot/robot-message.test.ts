import { describe, expect, it } from '@jest/globals';
import { mergeMessages, robotMessage } from './robot-message.js';

const plain = { text: 'x', format: 'text', atMobiles: [], atAll: false };

describe('robotMessage', () => {
  it.each([
    [undefined, plain],
    [{}, plain],
    [{ Robot: 'no json' }, plain],
    [{ Robot: '[1]' }, plain],
    [{ Robot: '{"title":" a\\n b ","format":"markdown"}' }, { ...plain, title: 'a b', format: 'markdown' }],
    [{ Robot: '{"title":7,"format":"html","atMobiles":"1","atAll":"yes"}' }, plain],
    [{ Robot: '{"atMobiles":["13800000000",13900000000,"13800000000","<x>"],"atAll":true}' }, { ...plain, atMobiles: ['13800000000', '13900000000'], atAll: true }],
  ])('reads %j', (attributes, expected) => {
    expect(robotMessage('x', attributes)).toEqual(expected);
  });
});

describe('mergeMessages', () => {
  it('keeps a single one as it is', () => {
    const message = robotMessage('x', { Robot: '{"title":"t"}' });
    expect(mergeMessages([message])).toBe(message);
  });

  it('puts titles above their texts and calls everybody who was called', () => {
    const one = robotMessage('x', { Robot: '{"title":"t","atMobiles":["13800000000"]}' });
    const other = robotMessage('y', { Robot: '{"atMobiles":["13800000000","13900000000"],"atAll":true}' });
    expect(mergeMessages([one, other])).toEqual({
      title: '2 messages',
      text: 't\n\nx\n\n----------\n\ny',
      format: 'text',
      atMobiles: ['13800000000', '13900000000'],
      atAll: true,
    });
  });
});
