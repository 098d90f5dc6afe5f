import { describe, expect, it } from '@jest/globals';
import { readEmailAttributes } from './email-attributes.js';

describe('readEmailAttributes', () => {
  it.each([
    [undefined, { isHtml: false, wantsReply: false }],
    [{}, { isHtml: false, wantsReply: false }],
    [{ DirectMail: '{"Subject":"s","IsHtml":1,"ReplyToAddress":"1"}' }, { subject: 's', isHtml: true, wantsReply: true }],
    [{ DM: '{"Subject":"new","IsHtml":"0"}', DirectMail: '{"Subject":"old"}' }, { subject: 'new', isHtml: false, wantsReply: false }],
    [{ DirectMail: 'no json', DM: '[1' }, { isHtml: false, wantsReply: false }],
    [{ DirectMail: 'null', DM: '[]' }, { isHtml: false, wantsReply: false }],
    [{ DirectMail: '{"Subject":7,"IsHtml":true}' }, { isHtml: true, wantsReply: false }],
    [{ DM: '{"MailAddress":"a@example.com, b@example.com"}' }, { isHtml: false, wantsReply: false, addresses: ['a@example.com', 'b@example.com'] }],
    [{ DM: '{"MailAddress":"a@example.com\\r\\nBcc: b@example.com"}' }, { isHtml: false, wantsReply: false, addresses: [] }],
  ])('reads %j', (attributes, expected) => {
    expect(readEmailAttributes(attributes)).toEqual(expected);
  });
});
