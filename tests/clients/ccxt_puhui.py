"""The exchange as a class of ccxt, the client library of quantitative traders.

It needs nothing of this repository: copy the file beside a program and write

    exchange = puhui({"apiKey": KEY, "secret": SECRET, "urls": {"api": "https://…"}})
    order = await exchange.create_order("SHCERCIR1/CNY", "limit", "buy", 10, 68.5)

The secret is the base64 text that was issued with an HMAC key, or an Ed25519 private key as PEM. Every order goes out
under an id of its own, given as `params["clientOrderId"]` or made here. When no answer comes, the error says which
id; `fetch_order(None, None, {"clientOrderId": …})` tells what became of it, and so does sending the same again with
that id, which never makes a second order. `params["deadline"]` (RFC 3339) is an instant after which the order is not
taken.
"""

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import aiohttp
from ccxt.async_support.base.exchange import Exchange  # type: ignore[import-untyped] # it ships no types
from ccxt.base import errors  # type: ignore[import-untyped] # the same
from ccxt.base.decimal_to_precision import TICK_SIZE  # type: ignore[import-untyped] # the same

QUOTE: Final = "CNY"
PAGE_MOST: Final = 500
DEPTH_MOST: Final = 100

STATUS: Final = {
    "new": "open",
    "partially_filled": "open",
    "filled": "closed",
    "cancelled": "canceled",
    "expired": "expired",
    "rejected": "rejected",
}
"""Ours → ccxt's."""

BY_CODE: Final[Mapping[str, type[Exception]]] = {
    "insufficient_cash": errors.InsufficientFunds,
    "insufficient_units": errors.InsufficientFunds,
    "client_id_reused": errors.DuplicateOrderId,
    "order_not_open": errors.OrderNotFound,
    "listing_unknown": errors.BadSymbol,
    "account_restricted": errors.AccountSuspended,
    "account_frozen": errors.AccountSuspended,
    "kill_switch_on": errors.AccountSuspended,
    "not_your_account": errors.PermissionDenied,
    "not_mandated": errors.PermissionDenied,
    "scope_missing": errors.PermissionDenied,
    "listing_halted": errors.MarketClosed,
    "phase_closed": errors.MarketClosed,
    "account_unknown": errors.BadRequest,
    "timestamp_outside_window": errors.InvalidNonce,
    "signature_replayed": errors.InvalidNonce,
    "deadline_passed": errors.OrderNotFillable,
    "rate_limited": errors.RateLimitExceeded,
}
"""Codes of `GET /v1/errors` whose meaning ccxt has a class for; the others go by their status."""

BY_STATUS: Final[Mapping[int, type[Exception]]] = {
    400: errors.BadRequest,
    401: errors.AuthenticationError,
    403: errors.PermissionDenied,
    404: errors.OrderNotFound,
    408: errors.RequestTimeout,
    409: errors.InvalidOrder,
    413: errors.BadRequest,
    422: errors.InvalidOrder,
    429: errors.RateLimitExceeded,
    500: errors.ExchangeError,
    503: errors.ExchangeNotAvailable,
}

INTERVALS: Final = {"1m": "1m", "5m": "5m", "1h": "1h", "1d": "1d", "1w": "1w"}


class puhui(Exchange):  # type: ignore[misc] # noqa: N801 - ccxt names an exchange's class by its id
    """The Shanghai carbon-inclusion exchange, spot, one currency (CNY), whole tonnes."""

    def describe(self) -> Any:
        """What ccxt asks of every exchange: what it can do, where it is, how its errors are called."""
        able = (
            "spot cancelAllOrders cancelOrder createOrder createOrders editOrder fetchBalance fetchClosedOrders "
            "fetchMarkets fetchMyTrades fetchOHLCV fetchOpenOrders fetchOrder fetchOrderBook fetchOrders "
            "fetchStatus fetchTicker fetchTickers fetchTime fetchTrades"
        )
        return self.deep_extend(
            super().describe(),
            {
                "id": "puhui",
                "name": "Shanghai carbon inclusion",
                "countries": ["CN"],
                "version": "v1",
                "rateLimit": 10,
                "has": {
                    "CORS": None,
                    "margin": False,
                    "swap": False,
                    "future": False,
                    "option": False,
                    "fetchCurrencies": False,
                    "createMarketOrder": False,
                    **dict.fromkeys(able.split(), True),
                },
                "timeframes": INTERVALS,
                "urls": {"api": "http://127.0.0.1:8080"},
                "requiredCredentials": {"apiKey": True, "secret": True},
                "precisionMode": TICK_SIZE,
                "options": {"timeDifference": 0, "account": None},
            },
        )

    # ---- the line ---------------------------------------------------------------------------------------------------

    def nonce(self) -> int:
        """The time of the next signature, in milliseconds: never twice the same, since a signature is taken once."""
        now = int(self.milliseconds()) - int(self.options["timeDifference"])
        self.options["lastStamp"] = max(now, int(self.options.get("lastStamp", 0)) + 1)
        return int(self.options["lastStamp"])

    async def load_time_difference(self, params: Any = None) -> Any:
        """By how much this machine's clock is ahead of the one signatures are judged by; kept for signing."""
        asked_ms = self.milliseconds()
        told_ms = await self.fetch_time(params or {})
        self.options["timeDifference"] = (asked_ms + self.milliseconds()) // 2 - told_ms
        return self.options["timeDifference"]

    def sign(
        self,
        path: str,
        api: Any = "public",
        method: str = "GET",
        params: Any = None,
        headers: Any = None,
        body: Any = None,
    ) -> Any:
        """The request as it is sent: parameters in the address or as JSON, signed when it is private."""
        target = "/v1/" + self.implode_params(path, params or {})
        given = self.omit(params or {}, [*self.extract_params(path), "deadline"])
        if api == "private" and self.options["account"] is not None and method != "GET":
            given = {"account": self.options["account"], **given}
        in_body = method in ("POST", "PATCH", "PUT")
        if in_body:
            body = json.dumps(given, separators=(",", ":"))
        elif given:
            target += "?" + self.urlencode(given)
        headers = dict(headers or {})
        if in_body:
            headers["Content-Type"] = "application/json"
        if (params or {}).get("deadline"):
            headers["X-Deadline"] = params["deadline"]
        if api == "private":
            self.check_required_credentials()
            headers |= self._signature(method, target, body or "")
        return {"url": self.urls["api"] + target, "method": method, "body": body, "headers": headers}

    def _signature(self, method: str, target: str, body: str) -> dict[str, str]:
        stamp = str(self.nonce())
        text = "\n".join((method, target, stamp, hashlib.sha256(body.encode()).hexdigest())).encode()
        if self.secret.startswith("-----BEGIN"):
            signature = self.eddsa(text, self.secret, "ed25519")
        else:
            key = base64.b64decode(self.secret)
            signature = base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
        return {"X-Key": self.apiKey, "X-Timestamp": stamp, "X-Signature": signature}

    def handle_errors(
        self,
        code: int,
        reason: str,
        url: str,
        method: str,
        headers: Any,
        body: str,
        response: Any,
        requestHeaders: Any,  # noqa: N803 - as ccxt calls it
        requestBody: Any,  # noqa: N803 - as ccxt calls it
    ) -> None:
        """Raises ccxt's error for a problem document, with its code and sentence."""
        if code < 400 or not isinstance(response, dict):
            return
        error = _error_of(code, response)
        raise error(f"{self.id} {response.get('code')} {response.get('detail')}")

    async def _public(self, path: str, params: Any = None) -> Any:
        return await self.request(path, "public", "GET", params or {})

    async def _private(self, method: str, path: str, params: Any = None) -> Any:
        return await self.request(path, "private", method, params or {})

    # ---- the market -------------------------------------------------------------------------------------------------

    async def fetch_time(self, params: Any = None) -> int:
        """The clock signatures are judged by, in milliseconds."""
        return int((await self._public("time", params))["signature_time_ms"])

    async def fetch_status(self, params: Any = None) -> Any:
        """Whether orders are taken, and until when not."""
        told = await self._public("status", params)
        open_now = told["phase"] in ("listed", "continuous", "pre_open", "negotiated")
        resumes = [one["resume_at"] for one in told["listings"] if one["resume_at"] is not None]
        state = "maintenance" if told["maintenance"] is not None else "ok" if open_now else "shutdown"
        return {
            "status": "error" if told["halted"] else state,
            "updated": self.parse8601(told["time"]),
            "eta": self.parse8601(min(resumes)) if resumes else None,
            "url": None,
            "info": told,
        }

    async def fetch_markets(self, params: Any = None) -> Any:
        """Every listing as a spot market against the yuan."""
        return [self.parse_market(one) for one in (await self._public("listings", params))["items"]]

    def parse_market(self, market: Any) -> Any:
        """One listing."""
        code = market["listing"]
        band = market["band"] or {}
        return self.safe_market_structure(
            {
                "id": code,
                "symbol": f"{code}/{QUOTE}",
                "base": code,
                "quote": QUOTE,
                "baseId": code,
                "quoteId": QUOTE,
                "type": "spot",
                "spot": True,
                "margin": False,
                "active": not market["halted"],
                "contract": False,
                "precision": {
                    "amount": self.parse_number(market["lot"]),
                    "price": self.parse_number(market["tick"]),
                },
                "limits": {
                    "amount": {
                        "min": self.parse_number(market["min_quantity"]),
                        "max": self.parse_number(market["max_quantity"]),
                    },
                    "price": {
                        "min": self.parse_number(band.get("lower")),
                        "max": self.parse_number(band.get("upper")),
                    },
                },
                "info": market,
            }
        )

    async def fetch_ticker(self, symbol: str, params: Any = None) -> Any:
        """A listing's day."""
        await self.load_markets()
        market = self.market(symbol)
        return self.parse_ticker(
            await self._public("listings/{code}", {"code": market["id"], **(params or {})}), market
        )

    async def fetch_tickers(self, symbols: Any = None, params: Any = None) -> Any:
        """The day of every listing, or of those named."""
        await self.load_markets()
        told = (await self._public("listings", params))["items"]
        tickers = {one["symbol"]: one for one in (self.parse_ticker(listing) for listing in told)}
        return self.filter_by_array_tickers(tickers, "symbol", self.market_symbols(symbols))

    def parse_ticker(self, ticker: Any, market: Any = None) -> Any:
        """One listing's day; the best prices are in the order book."""
        return self.safe_ticker(
            {
                "symbol": self.safe_symbol(ticker["listing"], market),
                "open": ticker["open"],
                "high": ticker["high"],
                "low": ticker["low"],
                "close": ticker["last"],
                "last": ticker["last"],
                "previousClose": ticker["previous_close"],
                "baseVolume": ticker["volume"],
                "quoteVolume": ticker["turnover"],
                "info": ticker,
            },
            market,
        )

    async def fetch_order_book(self, symbol: str, limit: Any = None, params: Any = None) -> Any:
        """The best price levels."""
        await self.load_markets()
        market = self.market(symbol)
        asked = {"code": market["id"], "levels": min(limit or DEPTH_MOST, DEPTH_MOST), **(params or {})}
        told = await self._public("listings/{code}/depth", asked)
        book = self.parse_order_book(told, market["symbol"], told["time_us"] // 1_000 or None)
        return {**book, "nonce": told["seq"]}

    async def fetch_trades(
        self, symbol: str, since: Any = None, limit: Any = None, params: Any = None
    ) -> Any:
        """Listed trades, oldest first."""
        await self.load_markets()
        market = self.market(symbol)
        asked = {"code": market["id"], **(params or {})}
        told = await self._pages("public", "listings/{code}/trades", asked, since, limit)
        return self.parse_trades(told, market, since, limit)

    async def fetch_ohlcv(
        self, symbol: str, timeframe: str = "1d", since: Any = None, limit: Any = None, params: Any = None
    ) -> Any:
        """Candles, oldest first; a span without trades has none."""
        await self.load_markets()
        market = self.market(symbol)
        asked = {"code": market["id"], "interval": self.timeframes[timeframe], **(params or {})}
        told = await self._pages("public", "listings/{code}/candles", asked, since, limit, at="start")
        return self.parse_ohlcvs(told, market, timeframe, since, limit)

    def parse_ohlcv(self, ohlcv: Any, market: Any = None) -> Any:
        """One candle."""
        names = ("open", "high", "low", "close", "volume")
        return [ohlcv["start_us"] // 1_000, *(self.parse_number(ohlcv[name]) for name in names)]

    # ---- orders -----------------------------------------------------------------------------------------------------

    async def create_order(
        self, symbol: str, type: str, side: str, amount: Any, price: Any = None, params: Any = None
    ) -> Any:
        """A listed limit order. It is durable when this returns."""
        await self.load_markets()
        asked = self._order(symbol, type, side, amount, price, params or {})
        told = await self._named("POST", "orders", asked, asked["client_order_id"])
        return self.parse_order({**told["order"], "trades": told["trades"]})

    async def create_orders(self, orders: Any, params: Any = None) -> Any:
        """Up to twenty orders, each decided by itself; those refused come back with status `rejected`."""
        await self.load_markets()
        asked = [
            self._order(
                one["symbol"],
                one["type"],
                one["side"],
                one["amount"],
                one.get("price"),
                one.get("params", {}),
            )
            for one in orders
        ]
        names = ", ".join(one["client_order_id"] for one in asked)
        told = await self._named("POST", "orders/batch", {**(params or {}), "orders": asked}, names)
        return [
            self.parse_order({**one["order"], "trades": one["trades"]})
            if one["ok"]
            else self.safe_order(
                {
                    "id": None,
                    "clientOrderId": sent["client_order_id"],
                    "status": "rejected",
                    "info": one["error"],
                }
            )
            for one, sent in zip(told["results"], asked, strict=True)
        ]

    def _order(self, symbol: str, kind: str, side: str, amount: Any, price: Any, params: Any) -> Any:
        if kind != "limit" or price is None:
            raise errors.InvalidOrder(f"{self.id} takes limit orders only, with a price")
        force = str(params.get("timeInForce", "DAY")).lower()
        if force not in ("day", "ioc", "fok"):
            raise errors.InvalidOrder(f"{self.id} an order is good for the day, IOC or FOK, and not {force}")
        market = self.market(symbol)
        return {
            "client_order_id": params.get("clientOrderId", uuid.uuid4().hex),
            "listing": market["id"],
            "side": side,
            "type": "limit",
            "price": self._yuan(market, price),
            "quantity": self.amount_to_precision(market["symbol"], amount),
            "time_in_force": force,
            **self.omit(params, ["clientOrderId", "timeInForce"]),
        }

    def _yuan(self, market: Any, price: Any) -> str:
        return f"{Decimal(self.price_to_precision(market['symbol'], price)):.2f}"

    async def _named(self, method: str, path: str, asked: Any, name: str) -> Any:
        """A request under an id of our own: when no answer comes, the error says which."""
        try:
            return await self._private(method, path, asked)
        except errors.BaseError as error:
            cut_short = isinstance(error.__cause__, aiohttp.ClientError)  # ccxt takes it for a refusal
            if not cut_short and not isinstance(error, errors.NetworkError):
                raise
            kind = errors.RequestTimeout if cut_short else type(error)
            raise kind(f"{error} (clientOrderId {name})") from error

    async def edit_order(
        self,
        id: str,
        symbol: str,
        type: str,
        side: str,
        amount: Any = None,
        price: Any = None,
        params: Any = None,
    ) -> Any:
        """Another price or whole quantity; the order keeps its id."""
        await self.load_markets()
        given = params or {}
        asked = {"order_id": id, "client_id": given.get("clientOrderId", uuid.uuid4().hex)}
        market = self.market(symbol)
        if price is not None:
            asked["price"] = self._yuan(market, price)
        if amount is not None:
            asked["quantity"] = self.amount_to_precision(market["symbol"], amount)
        asked |= self.omit(given, ["clientOrderId"])
        told = await self._named("PATCH", "orders/{order_id}", asked, asked["client_id"])
        return self.parse_order({**told["order"], "trades": told["trades"]}, market)

    async def cancel_order(self, id: str, symbol: Any = None, params: Any = None) -> Any:
        """Take back what remains; doing it twice is the same."""
        await self.load_markets()
        told = await self._private("DELETE", "orders/{order_id}", {"order_id": id, **(params or {})})
        return self.parse_order(told["order"])

    async def cancel_all_orders(self, symbol: Any = None, params: Any = None) -> Any:
        """Take back every open order, or those of one listing."""
        await self.load_markets()
        asked = {} if symbol is None else {"listing": self.market_id(symbol)}
        told = await self._private("DELETE", "orders", {**asked, **(params or {})})
        return [self.safe_order({"id": one, "status": "canceled", "info": told}) for one in told["order_ids"]]

    async def cancel_all_orders_after(self, timeout: int, params: Any = None) -> Any:
        """Cancel everything in so many milliseconds unless this is called again; 0 takes it back."""
        return await self._private(
            "POST", "cancel-all-after", {"timeout_s": -(-timeout // 1_000), **(params or {})}
        )

    async def fetch_order(self, id: Any, symbol: Any = None, params: Any = None) -> Any:
        """One order, by the exchange's id or by `params["clientOrderId"]`."""
        await self.load_markets()
        own = (params or {}).get("clientOrderId")
        asked = self.omit(params or {}, ["clientOrderId"])
        if own is not None:
            return self.parse_order(await self._private("GET", "orders", {"client_order_id": own, **asked}))
        return self.parse_order(await self._private("GET", "orders/{order_id}", {"order_id": id, **asked}))

    async def fetch_orders(
        self, symbol: Any = None, since: Any = None, limit: Any = None, params: Any = None
    ) -> Any:
        """One's orders of every state, oldest first."""
        await self.load_markets()
        market = None if symbol is None else self.market(symbol)
        told = await self._pages("private", "orders", params or {}, since, limit, at="created_at")
        return self.parse_orders(told, market, since, limit)

    async def fetch_open_orders(
        self, symbol: Any = None, since: Any = None, limit: Any = None, params: Any = None
    ) -> Any:
        """Orders that can still trade."""
        return await self.fetch_orders(symbol, since, limit, {"status": "open", **(params or {})})

    async def fetch_closed_orders(
        self, symbol: Any = None, since: Any = None, limit: Any = None, params: Any = None
    ) -> Any:
        """Orders that have filled."""
        return await self.fetch_orders(symbol, since, limit, {"status": "filled", **(params or {})})

    async def fetch_canceled_orders(
        self, symbol: Any = None, since: Any = None, limit: Any = None, params: Any = None
    ) -> Any:
        """Orders that were taken back."""
        return await self.fetch_orders(symbol, since, limit, {"status": "cancelled", **(params or {})})

    def parse_order(self, order: Any, market: Any = None) -> Any:
        """One order."""
        at_ms = self.parse8601(order["created_at"])
        return self.safe_order(
            {
                "id": order["id"],
                "clientOrderId": order["client_order_id"],
                "timestamp": at_ms,
                "datetime": self.iso8601(at_ms),
                "symbol": self.safe_symbol(order["listing"], market),
                "type": order["type"],
                "timeInForce": order["time_in_force"].upper(),
                "side": order["side"],
                "price": order["price"],
                "amount": order["quantity"],
                "filled": order["filled"],
                "remaining": order["remaining"],
                "average": order["average_price"],
                "status": STATUS[order["status"]],
                "trades": [
                    {"order_id": order["id"], **one, **_its(order)} for one in order.get("trades", [])
                ],
                "info": order,
            },
            market,
        )

    # ---- the account ------------------------------------------------------------------------------------------------

    async def fetch_my_trades(
        self, symbol: Any = None, since: Any = None, limit: Any = None, params: Any = None
    ) -> Any:
        """One's listed trades, oldest first."""
        await self.load_markets()
        asked = {"method": "listed", **(params or {})}
        if symbol is not None:
            asked["listing"] = self.market_id(symbol)
        told = await self._pages("private", "trades", asked, since, limit)
        return self.parse_trades(told, None, since, limit)

    def parse_trade(self, trade: Any, market: Any = None) -> Any:
        """One trade, public or one's own."""
        at_ms, side = self.parse8601(trade["time"]), trade.get("side", trade["taker_side"])
        own = "side" in trade
        return self.safe_trade(
            {
                "id": trade["id"],
                "timestamp": at_ms,
                "datetime": self.iso8601(at_ms),
                "symbol": self.safe_symbol(trade["listing"], market),
                "order": trade.get("order_id"),
                "type": "limit",
                "side": side,
                "takerOrMaker": ("taker" if side == trade["taker_side"] else "maker") if own else None,
                "price": trade["price"],
                "amount": trade["quantity"],
                "cost": trade["amount"],
                "info": trade,
            },
            market,
        )

    async def fetch_balance(self, params: Any = None) -> Any:
        """Money and units: `free` can be traded now, `used` is committed, frozen, or bought today."""
        await self.load_markets()
        told = await self._private("GET", "account", params)
        balance: dict[str, Any] = {"info": told, QUOTE: _held(told["cash"], ())}
        for code, units in told["units"].items():
            balance[code] = _held(units, ("frozen", "bought_today"))
        return self.safe_balance(balance)

    # ---- lists ------------------------------------------------------------------------------------------------------

    async def _pages(
        self, api: str, path: str, asked: Any, since: Any, limit: Any, *, at: str = "time"
    ) -> list[Any]:
        """A list, newest first as it is told, read page by page until `since` or `limit` is reached."""
        found: list[Any] = []
        after: str | None = None
        while True:
            size = PAGE_MOST if since is not None else min(limit or 100, PAGE_MOST)
            more = {} if after is None else {"after": after}
            page = await self.request(path, api, "GET", {"limit": size, **asked, **more})
            found.extend(page["items"])
            after = page["next"]
            enough = since is None and len(found) >= (limit or 100)
            if after is None or enough or self._is_before(found, at, since):
                return found

    def _is_before(self, found: list[Any], at: str, since: Any) -> bool:
        return since is not None and bool(found) and self.parse8601(found[-1][at]) < since


def _its(order: Any) -> dict[str, Any]:
    """What a trade told with its order leaves unsaid."""
    return {"listing": order["listing"], "side": order["side"]}


def _held(told: Any, unusable: tuple[str, ...]) -> dict[str, str]:
    available = Decimal(told["available"])
    total = available + Decimal(told["held"]) + Decimal(told["delivering"])
    # What is frozen may have been bought today: counting it twice at worst shows too little.
    free = max(available - sum(Decimal(told[name]) for name in unusable), Decimal(0))
    return {"free": str(free), "used": str(total - free), "total": str(total)}


def _error_of(status: int, problem: Any) -> Any:
    """ccxt's class for a problem document."""
    code = problem.get("code")
    named = BY_CODE.get(str(code))
    if named is not None:
        return named
    if problem.get("state") == "unknown":
        return errors.RequestTimeout
    return BY_STATUS.get(status, errors.ExchangeError)
