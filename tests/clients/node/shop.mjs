// What both Node scripts share: the order they place and the calls outside the SDK.
import { readFileSync } from 'node:fs';
import { AlipaySdk } from 'alipay-sdk';

export const settings = JSON.parse(readFileSync(0, 'utf8'));

export function show(result) {
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

export function client() {
  const base = new URL(settings.gateway);
  return new AlipaySdk({
    appId: settings.app_id,
    privateKey: readFileSync(settings.app_private_key_path, 'utf8'),
    alipayPublicKey: readFileSync(settings.alipay_public_key_path, 'utf8'),
    gateway: settings.gateway,
    endpoint: base.origin,
    encryptKey: settings.aes_key,
    camelcase: false,
    timeout: 30000,
  });
}

export const settlement = {
  settle_detail_infos: [{ trans_in_type: 'defaultSettle', amount: '100.00' }],
};

export const order = {
  out_trade_no: settings.out_trade_no,
  total_amount: '100.00',
  subject: '一件商品 & "quoted" {braces} 100%',
  sub_merchant: { merchant_id: settings.merchant_id },
  settle_info: settlement,
};

export const number = { out_trade_no: settings.out_trade_no };
export const refund = { ...number, out_request_no: `${settings.out_trade_no}-r1` };
export const missing = { out_trade_no: `${settings.out_trade_no}-none` };

export function paying() {
  return { ...order, auth_code: settings.buyer_code, scene: 'bar_code' };
}

export function refunding() {
  return { ...refund, refund_amount: 30.0, refund_reason: '退货' };
}

export function confirming(tradeNo) {
  return {
    out_request_no: `${settings.out_trade_no}-s1`, trade_no: tradeNo, settle_info: settlement,
  };
}

// Tells the platform that the goods are on their way; the SDK's protocol has no such call.
export async function ship(tradeNo) {
  const answer = await fetch(`${settings.rest_base}/v1/trades/${tradeNo}/ship`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${settings.rest_key}`,
      'content-type': 'application/json',
      'idempotency-key': `ship-${settings.out_trade_no}`,
    },
    body: '{}',
  });
  return { status: answer.status, body: await answer.json() };
}
