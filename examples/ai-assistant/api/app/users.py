"""Users: logging in, who one is, and new ones by an admin."""

from datetime import datetime

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from .database import Database
from .models import User
from .security import NOBODY, Admin, LoggedIn, hash_password, make_token, password_matches
from .settings import settings

router = APIRouter(prefix="/api", tags=["users"])


class Credentials(BaseModel):
    email: str = Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=320)
    password: str = Field(min_length=1, max_length=1024)


class NewUser(Credentials):
    password: str = Field(min_length=12, max_length=1024)
    is_admin: bool = False


class UserRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: int
    email: str
    is_admin: bool
    created_at: datetime


class Token(BaseModel):
    access_token: str
    token_type: str = "bearer"
    expires_in: int


@router.post("/auth/login")
def login(given: Credentials, session: Database) -> Token:
    user = session.scalar(select(User).where(User.email == given.email.lower()))
    matches = password_matches(given.password, user.password_hash if user else NOBODY)
    if user is None or not matches:
        raise HTTPException(401, "e-mail or password is wrong")
    return Token(access_token=make_token(user), expires_in=settings.jwt_expire_minutes * 60)


@router.get("/auth/me", response_model=UserRead)
def me(user: LoggedIn) -> User:
    return user


@router.post("/users", response_model=UserRead, status_code=201)
def create_user(given: NewUser, session: Database, _: Admin) -> User:
    user = User(email=given.email.lower(), password_hash=hash_password(given.password), is_admin=given.is_admin)
    session.add(user)
    try:
        session.commit()
    except IntegrityError as error:
        raise HTTPException(409, f"{user.email} is a user already") from error
    return user
