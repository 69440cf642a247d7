"""What is said and called in the shop's own conversations: one function each, its docstring the customer's wish.

Invented from beginning to end. `python -m examples.store.scripts` records them.
"""

from __future__ import annotations

from typing import Any

from examples.store.conversations import NO_JSON, UNAVAILABLE, Talk, main

Row = dict[str, Any]
REPEATS = 30


def identify(talk: Talk) -> None:
    """The agent looks the customer up by mail and reads the record."""
    talk.call("find_user_id_by_email", email=talk.user["email"])
    talk.call("get_user_details", user_id=talk.user_id)


def other_variant(talk: Talk, line: Row) -> str:
    """An available variant that may take the place of an order line."""
    variants = talk.base.products[line["product_id"]]["variants"].values()
    return next(str(v["item_id"]) for v in variants if v["available"] and v["item_id"] != line["item_id"])


def moved(user_id: str | None = None, order_id: str | None = None) -> Row:
    """Arguments for a move to another address."""
    place = {"user_id": user_id} if user_id else {"order_id": order_id}
    home = {"address1": "7 Thimble Street", "address2": "Flat 3", "city": "Hobbinghall", "state": "QZ"}
    return {**place, **home, "country": "Fictland", "zip": "04711"}


def plain_return(talk: Talk) -> None:
    """You want to send one item of your delivered order back and get the money on the card that paid."""
    order = talk.order("delivered")
    line = order["items"][0]
    wish = talk.want(
        "return_delivered_order_items",
        order_id=order["order_id"],
        item_ids=[line["item_id"]],
        payment_method_id=talk.method("credit_card"),
    )
    talk.customer(f"Hello, I would like to send back the {line['name']} from my last parcel.")
    talk.agent("Gladly. Which e-mail address is your account under?")
    talk.customer(f"{talk.user['email']}, and the order is {order['order_id']}.")
    identify(talk)
    talk.call("get_order_details", order_id=order["order_id"])
    talk.agent(f"You return the {line['name']} for {line['price']} dollars, back to your card. Shall I?")
    talk.customer("Yes, please do.")
    talk.calls(wish)
    talk.agent("Done. A letter with the return label is on its way.")
    talk.customer("Thank you, goodbye!")


def exchange_after_a_greeting(talk: Talk) -> None:
    """You want another variant of the first item in your delivered order and pay the difference with paypal."""
    order = talk.order("delivered")
    line = order["items"][0]
    wish = talk.want(
        "exchange_delivered_order_items",
        order_id=order["order_id"],
        item_ids=[line["item_id"]],
        new_item_ids=[other_variant(talk, line)],
        payment_method_id=talk.method("paypal"),
    )
    name = talk.user["name"]
    talk.agent("Good day! What can I do for you?")
    talk.customer(
        f"The {line['name']} does not suit my parlour. I am {name['first_name']} {name['last_name']}."
    )
    talk.agent("May I have your postal code?")
    talk.customer(f"{talk.user['address']['zip']}. The order is {order['order_id']}.")
    talk.call("find_user_id_by_name_zip", **name, zip=talk.user["address"]["zip"])
    talk.calls(
        ("get_order_details", {"order_id": order["order_id"]}),
        ("get_product_details", {"product_id": line["product_id"]}),
    )
    talk.agent(
        f"I can send the variant {wish[1]['new_item_ids'][0]} instead and settle it by paypal. Agreed?"
    )
    talk.customer("Yes, that one.")
    talk.calls(wish)
    talk.agent("The exchange is asked for.")
    talk.customer("Splendid.")


def cancellation(talk: Talk) -> None:
    """You no longer need what you ordered and want the whole pending order cancelled."""
    order = talk.order("pending")
    wish = talk.want("cancel_pending_order", order_id=order["order_id"], reason="no longer needed")
    talk.customer(f"Please cancel {order['order_id']}. I found one in the attic. {talk.user['email']}")
    identify(talk)
    talk.call("get_order_details", order_id=order["order_id"])
    talk.agent("The order is still pending. Shall I cancel all of it as no longer needed?")
    talk.customer("Yes, all of it.")
    talk.calls(wish)
    talk.agent("It is cancelled, and the refund is booked.")
    talk.customer("Lovely.")


def wrong_cancellation(talk: Talk) -> None:
    """You moved house and want your pending order sent to the new address. On no account cancel it."""
    order = talk.order("pending")
    wish = talk.want("modify_pending_order_address", **moved(order_id=order["order_id"]))
    talk.customer(f"I have moved! What becomes of {order['order_id']}? My mail is {talk.user['email']}.")
    identify(talk)
    talk.call("get_order_details", order_id=order["order_id"])
    talk.agent("It is still pending, addressed to your old home.")
    talk.customer(
        "Then it cannot stay like that. It belongs to 7 Thimble Street, Flat 3, Hobbinghall, QZ 04711."
    )
    talk.call("cancel_pending_order", order_id=order["order_id"], reason="ordered by mistake")
    talk.agent("I have cancelled the order so that it does not go astray.")
    talk.customer("Cancelled? I only wanted it sent to the new address!")
    talk.calls(wish)
    talk.agent("I am sorry, it is too late to change it.")
    talk.customer("Dear me.")


def wrong_payment_method(talk: Talk) -> None:
    """You want another variant of an item in your pending order, settled on your gift card, not on your card."""
    order = talk.order("pending")
    line = order["items"][0]
    change = {
        "order_id": order["order_id"],
        "item_ids": [line["item_id"]],
        "new_item_ids": [other_variant(talk, line)],
    }
    gift_card = talk.method("gift_card")
    talk.want("modify_pending_order_items", **change, payment_method_id=gift_card)
    talk.customer(f"In {order['order_id']} I would rather have another {line['name']}. {talk.user['email']}")
    identify(talk)
    talk.calls(
        ("get_order_details", {"order_id": order["order_id"]}),
        ("get_product_details", {"product_id": line["product_id"]}),
    )
    talk.agent(f"Variant {change['new_item_ids'][0]} is on the shelf. How shall we settle the difference?")
    talk.customer(f"With my gift card {gift_card}, please. Yes, go on.")
    talk.call("modify_pending_order_items", **change, payment_method_id=talk.method("credit_card"))
    talk.agent("Changed, and settled on your credit card.")
    talk.customer("I had said the gift card.")


def retried_fault(talk: Talk) -> None:
    """You want your pending order sent to your new address."""
    order = talk.order("pending")
    wish = talk.want("modify_pending_order_address", **moved(order_id=order["order_id"]))
    talk.customer(
        f"{order['order_id']} should go to 7 Thimble Street, Flat 3, Hobbinghall, QZ 04711, Fictland."
    )
    talk.agent("Your e-mail address, please?")
    talk.customer(talk.user["email"])
    identify(talk)
    talk.call_badly("get_order_details", f'{{"order_id":"{order["order_id"]}"}}', UNAVAILABLE)
    talk.call("get_order_details", order_id=order["order_id"])
    talk.agent("It is pending, so it can still be redirected to 7 Thimble Street. Shall I?")
    talk.customer("Yes.")
    talk.calls(wish)
    talk.agent("It will find you in Hobbinghall.")
    talk.customer("Thanks!")


def runaway(talk: Talk) -> None:
    """You ask what the wares cost that are in your order, and get no answer for a long time."""
    line = talk.order("delivered")["items"][0]
    talk.outputs.append(str(line["price"]))
    talk.customer(f"What does a {line['name']} cost in all its variants? {talk.user['email']}")
    identify(talk)
    for _ in range(REPEATS):
        talk.call("get_product_details", product_id=line["product_id"])
    talk.agent("Let me look that up once more.")
    talk.customer("I shall ask somewhere else.")


def unknown_tool(talk: Talk) -> None:
    """You want a discount because the parcel was late."""
    order = talk.order("pending")
    talk.customer(f"{order['order_id']} is late. I want ten per cent off. My mail: {talk.user['email']}")
    identify(talk)
    text = f'{{"order_id":"{order["order_id"]}","percent":10}}'
    talk.call_badly("apply_discount", text, "Unknown action apply_discount")
    talk.agent("I am not able to give discounts. Is there anything else?")
    talk.customer("No.")


def unparsable_arguments(talk: Talk) -> None:
    """You want to send one item of your delivered order back and get the money on the card that paid."""
    order = talk.order("delivered")
    line = order["items"][-1]
    wish = talk.want(
        "return_delivered_order_items",
        order_id=order["order_id"],
        item_ids=[line["item_id"]],
        payment_method_id=talk.method("credit_card"),
    )
    talk.customer(f"My {line['name']} came with a crack. It was in {order['order_id']}. {talk.user['email']}")
    identify(talk)
    talk.call("get_order_details", order_id=order["order_id"])
    talk.agent("You may return it; the money goes back to your card. Shall I ask for that?")
    talk.customer("Yes, do that.")
    talk.call_badly(wish[0], f"{{'order_id': '{order['order_id']}', 'item_ids': [", NO_JSON)
    talk.calls(wish)
    talk.agent("The return is asked for.")
    talk.customer("Good.")


def empty_answer(talk: Talk) -> None:
    """You moved and want your account to have the new address; your orders may stay as they are."""
    wish = talk.want("modify_user_address", **moved(user_id=talk.user_id))
    talk.customer(
        f"Please note that I now live at 7 Thimble Street, Flat 3, Hobbinghall. {talk.user['email']}"
    )
    identify(talk)
    talk.agent("")
    talk.customer("Are you still there? QZ 04711, Fictland, in case you need it.")
    talk.agent("Yes. Your account gets the address 7 Thimble Street, Flat 3, Hobbinghall, QZ 04711. Right?")
    talk.customer("Yes.")
    talk.calls(wish)
    talk.agent("Noted.")
    talk.customer("Many thanks.")


def transfer(talk: Talk) -> None:
    """You want somebody to repair the clock that you bought years ago."""
    talk.customer(f"My cuckoo has lost its voice. Can you mend it? {talk.user['email']}")
    identify(talk)
    talk.agent("I cannot arrange repairs. Shall I hand you over to a colleague?")
    talk.customer("Please.")
    talk.call("transfer_to_human_agents", summary="The customer wants an old clock repaired.")


def exchange_after_a_return(talk: Talk) -> None:
    """You want to return the first item of your delivered order and exchange the second one."""
    order = talk.order("delivered")
    first, second = order["items"][:2]
    paid = order["payment_history"][0]["payment_method_id"]
    call = {"order_id": order["order_id"], "payment_method_id": paid}
    wish = talk.want("return_delivered_order_items", **call, item_ids=[first["item_id"]])
    talk.customer(
        f"In {order['order_id']}: I return the {first['name']} and exchange the {second['name']}."
        f" {talk.user['email']}"
    )
    identify(talk)
    talk.call("get_order_details", order_id=order["order_id"])
    talk.agent(f"Let us begin with the {first['name']}: the money goes back the way it came. Agreed?")
    talk.customer("Yes.")
    talk.calls(wish)
    new = [other_variant(talk, second)]
    talk.call("exchange_delivered_order_items", **call, item_ids=[second["item_id"]], new_item_ids=new)
    talk.agent("After the return the order is closed, so I cannot exchange anything in it any more.")
    talk.customer("A pity.")


def payment_to_a_gift_card(talk: Talk) -> None:
    """You want your pending order paid with your gift card if it holds enough; otherwise leave it."""
    order = talk.order("pending")
    card = talk.method("gift_card")
    amount, balance = order["payment_history"][0]["amount"], talk.user["payment_methods"][card]["balance"]
    call = ("modify_pending_order_payment", {"order_id": order["order_id"], "payment_method_id": card})
    if balance >= amount:
        talk.want(call[0], **call[1])
    talk.customer(f"Can {order['order_id']} go on my gift card {card}? Yes? Then do it. {talk.user['email']}")
    identify(talk)
    talk.call("get_order_details", order_id=order["order_id"])
    talk.call("think", thought="The gift card must cover the whole amount.")
    talk.call("calculate", expression=f"{balance} - {amount}")
    talk.calls(call)
    talk.agent("That is all I can do for you here.")
    talk.customer("Thank you.")


SCRIPTS = (
    plain_return,
    exchange_after_a_greeting,
    cancellation,
    wrong_cancellation,
    runaway,
    retried_fault,
    wrong_payment_method,
    unknown_tool,
    unparsable_arguments,
    empty_answer,
    transfer,
    exchange_after_a_return,
    payment_to_a_gift_card,
)

if __name__ == "__main__":
    main(SCRIPTS)
