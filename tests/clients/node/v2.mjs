// Runs the Node client's v2 side (`exec`, `pageExecute`, notifications) with validateSign.
import {
  client, confirming, missing, number, order, paying, refund, refunding, settings, ship, show,
} from './shop.mjs';

const alipay = client();

async function call(method, bizContent) {
  return await alipay.exec(method, { bizContent }, { validateSign: true });
}

async function flow() {
  const result = {};
  result.create = await call('alipay.trade.create', order);
  result.pay = await call('alipay.trade.pay', paying());
  result.query_paid = await call('alipay.trade.query', number);
  result.ship = await ship(result.pay.trade_no);
  result.confirm = await call('alipay.trade.settle.confirm', confirming(result.pay.trade_no));
  result.query_confirmed = await call('alipay.trade.query', number);
  result.refund = await call('alipay.trade.refund', refunding());
  result.refund_query = await call('alipay.trade.fastpay.refund.query', refund);
  result.unknown_trade = await call('alipay.trade.query', missing);
  return result;
}

// The client cannot verify an encrypted answer: it looks for a brace in what it cuts out.
async function encrypted() {
  return await alipay.exec('alipay.trade.query', { bizContent: missing, needEncrypt: true });
}

function pages() {
  const params = {
    bizContent: { ...order, product_code: 'FAST_INSTANT_TRADE_PAY' },
    notifyUrl: 'http://shop.example/notify?from=alipay&x=1',
    returnUrl: 'http://shop.example/回来',
  };
  return {
    get: alipay.pageExecute('alipay.trade.page.pay', 'GET', params),
    post: alipay.pageExecute('alipay.trade.page.pay', 'POST', params),
    sdk: alipay.sdkExecute('alipay.trade.page.pay', params),
  };
}

function notify() {
  return { verified: alipay.checkNotifySignV2(settings.fields) };
}

show(await { encrypted, flow, notify, pages }[settings.do]());
