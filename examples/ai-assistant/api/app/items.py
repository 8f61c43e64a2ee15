"""Items: create, read, update, delete; the list is cached until it changes."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Response
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from . import cache, database
from .models import Item

router = APIRouter(prefix="/api/items", tags=["items"])
Database = Annotated[Session, Depends(database.session)]
LIST = "items"


class ItemWritten(BaseModel):
    name: str = Field(min_length=1, max_length=200)
    description: str = Field(default="", max_length=10_000)


class ItemRead(ItemWritten):
    model_config = ConfigDict(from_attributes=True)
    id: int
    created_at: datetime


LISTED = TypeAdapter(list[ItemRead])


def _found(session: Session, item_id: int) -> Item:
    item = session.get(Item, item_id)
    if item is None:
        raise HTTPException(404, f"no item {item_id}")
    return item


def _store(session: Session, item: Item) -> Item:
    session.add(item)
    try:
        session.commit()
    except IntegrityError as error:
        raise HTTPException(409, f"an item named {item.name!r} exists") from error
    cache.forget(LIST)
    return item


@router.get("", response_model=list[ItemRead])
def list_items(session: Database) -> Response:
    if (cached := cache.read(LIST)) is not None:
        return Response(cached, media_type="application/json", headers={"X-Cache": "hit"})
    items = session.scalars(select(Item).order_by(Item.id)).all()
    body = LISTED.dump_json(LISTED.validate_python(items, from_attributes=True)).decode()
    cache.write(LIST, body)
    return Response(body, media_type="application/json", headers={"X-Cache": "miss"})


@router.post("", response_model=ItemRead, status_code=201)
def create_item(written: ItemWritten, session: Database) -> Item:
    return _store(session, Item(**written.model_dump()))


@router.get("/{item_id}", response_model=ItemRead)
def read_item(item_id: int, session: Database) -> Item:
    return _found(session, item_id)


@router.put("/{item_id}", response_model=ItemRead)
def update_item(item_id: int, written: ItemWritten, session: Database) -> Item:
    item = _found(session, item_id)
    item.name, item.description = written.name, written.description
    return _store(session, item)


@router.delete("/{item_id}", status_code=204)
def delete_item(item_id: int, session: Database) -> None:
    session.delete(_found(session, item_id))
    session.commit()
    cache.forget(LIST)
