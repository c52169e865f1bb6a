// Runs the Node client's v3 side (`curl`), which verifies every answer's signature.
import {
  client, confirming, missing, number, order, paying, refund, refunding, settings, ship, show,
} from './shop.mjs';

const alipay = client();

async function call(path, body) {
  return (await alipay.curl('POST', path, { body })).data;
}

async function refused(request) {
  try {
    return await request;
  } catch (error) {
    return { code: error.code, status: error.responseHttpStatus, trace_id: error.traceId };
  }
}

async function flow() {
  const result = {};
  result.create = await call('/v3/alipay/trade/create', order);
  result.pay = await call('/v3/alipay/trade/pay', paying());
  result.query_paid = await call('/v3/alipay/trade/query', number);
  result.ship = await ship(result.pay.trade_no);
  const confirm = confirming(result.pay.trade_no);
  result.confirm = await call('/v3/alipay/trade/settle/confirm', confirm);
  result.query_confirmed = await call('/v3/alipay/trade/query', number);
  result.refund = await call('/v3/alipay/trade/refund', refunding());
  result.refund_query = await call('/v3/alipay/trade/fastpay/refund/query', refund);
  result.unknown_trade = await refused(call('/v3/alipay/trade/query', missing));
  result.account = (await alipay.curl('GET', '/v3/alipay/fund/account/query', {
    query: { account_type: 'ACCTRANS_ACCOUNT' },
  })).data;
  return result;
}

async function encrypted() {
  const options = { body: number, needEncrypt: true };
  const unknown = { body: missing, needEncrypt: true };
  return {
    found: (await alipay.curl('POST', '/v3/alipay/trade/query', options)).data,
    unknown_trade: await refused(alipay.curl('POST', '/v3/alipay/trade/query', unknown)),
  };
}

show(await { encrypted, flow }[settings.do]());
