"""The resolvers of the demo's procedures: real behaviour for those that people try first, an echo for the rest.

Faults of the real tutor that the gateway is there to cover are kept: resetPassword takes any code of six characters,
an unknown lesson is a plain error (500), signing out leaves the access token alive.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.demo.accounts import Accounts
from gateway.demo.envelope import ProcedureError

Claims = dict[str, Any]
Resolver = Callable[[Accounts, dict[str, Any], Claims], Any]

_LESSONS: list[dict[str, Any]] = [
    {"id": "es-greetings", "title": "Saludos", "language": "es", "difficulty": "beginner", "type": "speaking"},
    {"id": "es-market", "title": "En el mercado", "language": "es", "difficulty": "intermediate", "type": "vocabulary"},
    {"id": "pa-greetings", "title": "ਸਤ ਸ੍ਰੀ ਅਕਾਲ", "language": "pa", "difficulty": "beginner", "type": "speaking"},
]
_WORDS = {"hello": "hola", "good morning": "buenos días", "thank you": "gracias", "water": "agua"}


def _login(accounts: Accounts, given: dict[str, Any], _: Claims) -> Any:
    user = accounts.by_email(given["email"])
    if user is None or user.password != given["password"]:
        raise ProcedureError(401, "Invalid email or password")
    return {"user": user.public(), **accounts.tokens(user)}


def _signup(accounts: Accounts, given: dict[str, Any], _: Claims) -> Any:
    password = given["password"]
    kinds = (str.isupper, str.islower, str.isdigit, lambda letter: not letter.isalnum())
    if not all(any(map(kind, password)) for kind in kinds):
        raise ProcedureError(
            400, "Invalid input", {"password": ["Needs upper and lower case, a digit and a special character"]}
        )
    if given["acceptedTerms"] is not True:
        raise ProcedureError(400, "Invalid input", {"acceptedTerms": ["Must be accepted"]})
    if accounts.by_email(given["email"]):
        raise ProcedureError(400, "Email is already in use")
    user = accounts.add(given["email"], password, given["displayName"])
    return {"user": user.public(), **accounts.tokens(user)}


def _signout(accounts: Accounts, _: dict[str, Any], claims: Claims) -> Any:
    accounts.end(claims)
    return {"success": True}


def _refresh(accounts: Accounts, given: dict[str, Any], _: Claims) -> Any:
    access = accounts.renew(given["refreshToken"])
    if access is None:
        raise ProcedureError(401, "Invalid refresh token")
    return {"accessToken": access}


def _reset_password(accounts: Accounts, given: dict[str, Any], _: Claims) -> Any:
    user = accounts.by_email(given["email"])
    if len(given["code"]) != 6:
        raise ProcedureError(400, "Invalid code")
    if user:
        user.password = given["password"]
    return {"success": True}


def _change_password(accounts: Accounts, given: dict[str, Any], claims: Claims) -> Any:
    user = accounts.by_id(claims["sub"])
    if user.password != given["currentPassword"] or given["newPassword"] != given["confirmPassword"]:
        raise ProcedureError(400, "Passwords do not match")
    user.password = given["newPassword"]
    return {"success": True}


def _delete_account(accounts: Accounts, given: dict[str, Any], claims: Claims) -> Any:
    user = accounts.by_id(claims["sub"])
    if given["confirmation"] != "DELETE" or given["password"] != user.password:
        raise ProcedureError(400, "Not confirmed")
    accounts.remove(user)
    return {"success": True}


def _me(accounts: Accounts, _: dict[str, Any], claims: Claims) -> Any:
    return accounts.by_id(claims["sub"]).public()


def _update_profile(accounts: Accounts, given: dict[str, Any], claims: Claims) -> Any:
    user = accounts.by_id(claims["sub"])
    user.display_name = given.get("displayName") or user.display_name
    user.profile |= {key: value for key, value in given.items() if key not in ("displayName", "email")}
    return user.public()


def _lessons(_: Accounts, given: dict[str, Any], __: Claims) -> Any:
    return [
        lesson
        for lesson in _LESSONS
        if all(given.get(key) in (None, lesson[key]) for key in ("language", "type", "difficulty"))
    ]


def _lesson(_: Accounts, given: dict[str, Any], __: Claims) -> Any:
    for lesson in _LESSONS:
        if lesson["id"] == given["id"]:
            return {**lesson, "steps": ["listen", "repeat", "answer"]}
    raise ProcedureError(500, "Lesson not found")


def _translate(_: Accounts, given: dict[str, Any], __: Claims) -> Any:
    text = given["text"]
    return {"originalText": text, "translatedText": _WORDS.get(text.lower(), f"[{given['toLanguage']}] {text}")}


def _send(accounts: Accounts, given: dict[str, Any], claims: Claims) -> Any:
    name = accounts.by_id(claims["sub"]).display_name
    return {"message": given["message"], "response": f"¡Muy bien, {name}! Cuéntame más.", "language": given["language"]}


def _starters(_: Accounts, given: dict[str, Any], __: Claims) -> Any:
    return ["¿Cómo estás?", "¿Qué te gusta comer?"] if given["language"] == "es" else ["How are you?"]


def _content(_: Accounts, given: dict[str, Any], __: Claims) -> Any:
    pairs = [{"native": native, "target": target} for native, target in _WORDS.items()]
    return {"target": given["targetName"], "native": given["nativeName"], "vocabulary": pairs}


def _board(_: Accounts, given: dict[str, Any], __: Claims) -> Any:
    rows = [{"rank": rank, "name": name, "xp": 900 // rank} for rank, name in enumerate(("Ada", "Grace", "Edsger"), 1)]
    start = int(given.get("offset") or 0)
    return {"entries": rows[start : start + int(given.get("limit") or 50)], "total": len(rows)}


RESOLVERS: dict[str, Resolver] = {
    "example.hi": lambda _, given, __: {"hello": given["name"]},
    "auth.login": _login,
    "auth.signup": _signup,
    "auth.signout": _signout,
    "auth.refreshToken": _refresh,
    "auth.verifyEmail": lambda _, __, ___: {"verified": True},
    "auth.resetPassword": _reset_password,
    "auth.requestPasswordReset": lambda _, __, ___: {"success": True},
    "auth.changePassword": _change_password,
    "auth.deleteAccount": _delete_account,
    "auth.getCurrentUser": _me,
    "auth.updateProfile": _update_profile,
    "user.get": _me,
    "user.canSendMessage": lambda _, __, ___: {"canSend": True, "remaining": 20},
    "lessons.getAll": _lessons,
    "lessons.getById": _lesson,
    "chat.getHistory": lambda _, __, ___: [],
    "chat.sendMessage": _send,
    "chat.translate": _translate,
    "chat.getConversationStarters": _starters,
    "learn.getContent": _content,
    "leaderboard.get": _board,
    "dialogue.getTopics": lambda _, __, ___: [{"id": "3f0f7a52-6a1c-4d3c-9a53-0c1b8f7f6a10", "title": "At the market"}],
}
