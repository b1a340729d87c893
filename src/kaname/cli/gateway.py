"""``kaname gateway``: the hospital's verbs."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import click

from kaname.cli import DONE, NOT_YET, REFUSED
from kaname.cli.options import home_of, home_option, json_option, line_of, registries, show
from kaname.cli.reconcile import reconcile
from kaname.gateway import status as state
from kaname.gateway.consent import read_list
from kaname.gateway.hospital import Hospital, open_hospital
from kaname.gateway.ingest import Night, cross_all, receive_all, withdraw_all
from kaname.gateway.linking import UNPICTURED
from kaname.gateway.sweep import sweep
from kaname.gateway.withdraw import certificate_of, request
from kaname.node import open_node
from kaname.parcel.enrolment import accept_answer, make_request, signing_key, start_over
from kaname.parcel.joining import join
from kaname.settings import load
from kaname.upkeep import renewal


@click.group
def gateway() -> None:
    """The hospital: enrol, ingest, consent, status, held, reconcile, withdraw."""


gateway.add_command(reconcile)


def _open(home: Path | None) -> Hospital:
    return open_hospital(open_node(load(home_of(home))))


def _held(hospital: Hospital) -> Counter[str]:
    counted = Counter[str]()
    for row in state.held(hospital):
        if isinstance(row, dict):
            counted[str(row["reason"])] += int(str(row["objects"]))
    return counted


@gateway.command
@click.argument("paths", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--registry", default="j-mid", show_default=True, help="Registry for which the studies are meant.")
@click.option("--wait", "wait_seconds", default=600.0, show_default=True, help="Seconds to wait for receipts.")
@home_option
@json_option
def ingest(paths: tuple[Path, ...], registry: str, wait_seconds: float, home: Path | None, as_json: bool) -> None:
    """Take in every file below PATHS, de-identify, seal and deliver. Without PATHS: go on with what is under way.

    A folder with a CSV is a department's export: its rows are linked to the images beside it by accession number, and
    photographs, videos, slides and OCT sections that a row names become DICOM where the registry takes them.
    While the gateway serves, its own worker takes them across and this command waits for it. Before the gateway is
    enrolled, nothing is taken in.
    """
    hospital = _open(home)
    hospital.partner()
    registries([registry])
    night, begun = Night(), _held(hospital)
    sweep(hospital)
    files = receive_all(hospital, paths, registry, night)
    with click.progressbar(
        files, label="received", show_pos=True, file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:
        for _ in bar:
            pass
    door, before = Counter(night.reasons), _held(hospital)
    cross_all(hospital, night, wait_seconds=wait_seconds)
    after = _held(hospital)
    alone = Counter({UNPICTURED: (after - begun)[UNPICTURED]})
    night.reasons = door + ((after - before) | (night.reasons - door)) + alone
    show(night.to_json(), as_json=as_json)
    sys.exit(NOT_YET if night.studies["waiting"] else REFUSED if night.reasons or night.studies["failed"] else DONE)


@gateway.command
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@home_option
@json_option
def consent(file: Path, home: Path | None, as_json: bool) -> None:
    """Take in a list of who opted out: a CSV with patient_id, issuer, registry and decision (opt-out or opt-in).

    What lies here of those who opted out goes at once. What had left before is counted: for that, withdraw.
    """
    show(read_list(_open(home), file), as_json=as_json)


@gateway.command
@home_option
@json_option
def status(home: Path | None, as_json: bool) -> None:
    """Show how much of what is where."""
    show(state.status(_open(home)), as_json=as_json)


@gateway.command
@home_option
@json_option
def held(home: Path | None, as_json: bool) -> None:
    """Show what waits for a person, and why."""
    show(state.held(_open(home)), as_json=as_json)


@gateway.command
@click.option("--patient-id", required=True, help="The hospital's number; '-' reads it from standard input.")
@click.option("--issuer", help="Only of this Issuer of Patient ID (0010,0021); default: whoever issued the number.")
@click.option("--unseen", is_flag=True, help="Block the number even though nothing of it ever came to this gateway.")
@click.option("--registry", "names", multiple=True, help="Only from these registries; default: all of this gateway.")
@click.option("--wait", "wait_seconds", default=600.0, show_default=True, help="Seconds to wait for certificates.")
@home_option
@json_option
def withdraw(
    patient_id: str,
    issuer: str | None,
    unseen: bool,
    names: tuple[str, ...],
    wait_seconds: float,
    home: Path | None,
    as_json: bool,
) -> None:
    """Withdraw a patient: forgotten here and at the hub, re-send blocked, signed certificate back.

    A number that never came here is refused: its certificate would be of nothing.
    """
    hospital = _open(home)
    hospital.partner()
    taken = registries(names or hospital.node.settings.registries)
    number = line_of(patient_id)
    requested = request(hospital, number, issuer, taken, unseen=unseen)
    outcomes = withdraw_all(hospital, requested, wait_seconds=wait_seconds)
    done = [one for one in requested if one in outcomes and outcomes[one].state == "done"]
    show([certificate_of(hospital, one) for one in done], as_json=as_json)
    refused = [outcomes[one] for one in requested if one in outcomes and outcomes[one].state != "done"]
    for outcome in refused:
        click.echo(outcome.reason, err=True)
    sys.exit(REFUSED if refused else DONE if len(done) == len(requested) else NOT_YET)


@gateway.command
@click.option(
    "--request", "request_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the request here."
)
@click.option(
    "--answer", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Take in the hub's answer."
)
@click.option("--fingerprint", default="", help="The hub's fingerprint as heard by telephone.")
@click.option("--code", help="The line that the hub's invitation printed; '-' reads it from standard input.")
@click.option("--new-keys", is_flag=True, help="With new keys: after the hub has revoked this gateway.")
@home_option
@json_option
def enrol(
    request_file: Path | None,
    answer: Path | None,
    fingerprint: str,
    code: str | None,
    new_keys: bool,
    home: Path | None,
    as_json: bool,
) -> None:
    """Enrol with a hub: by the --code of its invitation, or by two files, first --request, then --answer.

    With files, compare the fingerprints by telephone.
    """
    if sum(way is not None for way in (request_file, answer, code)) != 1:
        raise click.UsageError("give --code, or --request, or --answer")
    hospital = _open(home)
    settings = hospital.node.settings
    if new_keys:
        if answer is not None:
            raise click.UsageError("--new-keys goes with --code or --request")
        start_over(settings.keys)
    if request_file is None:
        record = (
            join(settings.keys, line_of(code), settings.name, settings.registries, hospital.node.clock, role="gateway")
            if code is not None
            else accept_answer(settings.keys, answer.read_bytes() if answer else b"", fingerprint)
        )
        hospital.node.ledger.append("enrolled", record.name, actor="operator", facts={"key": record.key.id})
        show({"hub": record.name, "url": record.url, "fingerprint": record.key.fingerprint}, as_json=as_json)
    else:
        request_file.write_bytes(make_request(settings.keys, settings.name, settings.registries, hospital.node.clock))
        show({"request": str(request_file), "fingerprint": hospital.signing.public.fingerprint}, as_json=as_json)


@gateway.command
@click.option("--signing-key", "new_key", is_flag=True, help="Sign with a new key from now on, too.")
@home_option
@json_option
def renew(new_key: bool, home: Path | None, as_json: bool) -> None:
    """Renew the certificate that the hub knows this gateway by. A serving gateway does so 30 days before it ends.

    With --signing-key, what was signed with the old key still arrives; the hub's operator may revoke that key then.
    """
    node = _open(home).node
    record = renewal.renew_client(node, new_key=new_key)
    key = signing_key(node.settings.keys).public.id
    show({"hub": record.name, "until": renewal.ends(node, renewal.CLIENT), "key": key}, as_json=as_json)
