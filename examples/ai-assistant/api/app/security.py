"""Passwords and tokens, and who is asking."""

import base64
import hashlib
import hmac
import os
from datetime import UTC, datetime, timedelta
from typing import Annotated

import jwt
from fastapi import Depends, HTTPException
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from .database import Database
from .models import User
from .settings import settings

# scrypt of 16 MiB: about 50 ms here, and dear on hardware made for guessing.
COST, BLOCK, PARALLEL = 2**14, 8, 1


def _scrypt(password: str, salt: bytes, cost: int, block: int, parallel: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=cost, r=block, p=parallel, maxmem=64 * 2**20, dklen=32)


def hash_password(password: str) -> str:
    salt = os.urandom(16)
    digest = _scrypt(password, salt, COST, BLOCK, PARALLEL)
    encoded = (base64.b64encode(part).decode() for part in (salt, digest))
    return f"scrypt${COST}${BLOCK}${PARALLEL}$" + "$".join(encoded)


def password_matches(password: str, stored: str) -> bool:
    _, cost, block, parallel, salt, digest = stored.split("$")
    found = _scrypt(password, base64.b64decode(salt), int(cost), int(block), int(parallel))
    return hmac.compare_digest(found, base64.b64decode(digest))


# Compared with when there is no such user, so that an answer takes as long.
NOBODY = hash_password(base64.b64encode(os.urandom(16)).decode())


def _key() -> str:
    if not settings.jwt_secret_key:
        raise HTTPException(503, "neither JWT_SECRET_KEY nor SECRET_KEY is set: nobody can log in")
    return settings.jwt_secret_key


def make_token(user: User) -> str:
    now = datetime.now(UTC)
    claims = {"sub": str(user.id), "iat": now, "exp": now + timedelta(minutes=settings.jwt_expire_minutes)}
    return jwt.encode(claims, _key(), algorithm=settings.jwt_algorithm)


bearer = HTTPBearer(auto_error=False)


def current_user(session: Database, given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> User:
    refusal = {"WWW-Authenticate": "Bearer"}
    if given is None:
        raise HTTPException(401, "log in first", headers=refusal)
    try:
        claims = jwt.decode(given.credentials, _key(), algorithms=[settings.jwt_algorithm], options={"require": ["exp", "sub"]})
        user = session.get(User, int(claims["sub"]))
    except (jwt.InvalidTokenError, ValueError) as error:
        raise HTTPException(401, f"the token is not valid: {error}", headers=refusal) from error
    if user is None:
        raise HTTPException(401, "the token's user is gone", headers=refusal)
    return user


LoggedIn = Annotated[User, Depends(current_user)]


def admin(user: LoggedIn) -> User:
    if not user.is_admin:
        raise HTTPException(403, "only an admin may do this")
    return user


Admin = Annotated[User, Depends(admin)]
