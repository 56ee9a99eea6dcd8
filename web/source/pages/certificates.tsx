// The public check of a certificate of retirement: what the exchange certified under a number, held against what is printed.
import { useId, useState } from "preact/hooks";
import type { CertificateCheck } from "../api";
import { moment, serials, shown } from "../format";
import { word as named, t } from "../i18n";
import { ClassBadge } from "../parts/figures";
import { Panel } from "../parts/panel";
import { Answered } from "../parts/states";
import { Table } from "../parts/table";
import { useRemote } from "../remote";
import { go } from "../router";

export function CertificatesPage({ rest }: { rest: readonly string[] }) {
  const [number = "", digest = ""] = rest;
  const [beneficiary, setBeneficiary] = useState("");
  const path = number === "" ? null : address(number, digest, beneficiary);
  return (
    <>
      <h1>{t("nav.certificates")}</h1>
      <p class="lead">{t("certificates.lead")}</p>
      <Panel title={t("certificates.form")}>
        <CertificateForm
          key={`${number}/${digest}`}
          number={number}
          digest={digest}
          check={(given, its, whose) => {
            setBeneficiary(whose);
            go("certificates", given, ...(its === "" ? [] : [its]));
          }}
        />
      </Panel>
      {path !== null && <Checked path={path} />}
    </>
  );
}

function address(number: string, digest: string, beneficiary: string): string {
  const query = new URLSearchParams();
  if (digest !== "") query.set("digest", digest);
  if (beneficiary !== "") query.set("beneficiary", beneficiary);
  return `/v1/certificates/${encodeURIComponent(number)}${query.size > 0 ? `?${query}` : ""}`;
}

function CertificateForm({
  number,
  digest,
  check,
}: {
  number: string;
  digest: string;
  check: (number: string, digest: string, beneficiary: string) => void;
}) {
  const ids = { number: useId(), digest: useId(), beneficiary: useId() };
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    const given = (name: string) => String(form.get(name) ?? "").trim();
    check(given("number"), given("digest"), given("beneficiary"));
  };
  return (
    <form class="form" onSubmit={submit}>
      <label for={ids.number}>{t("certificates.number")}</label>
      <input
        id={ids.number}
        name="number"
        required
        maxLength={64}
        pattern="\s*[A-Za-z0-9\-]+\s*"
        autocomplete="off"
        spellcheck={false}
        defaultValue={number}
      />
      <label for={ids.digest}>{t("certificates.digest")}</label>
      <input
        id={ids.digest}
        name="digest"
        maxLength={70}
        pattern="\s*[0-9a-fA-F]{64}\s*"
        autocomplete="off"
        spellcheck={false}
        defaultValue={digest}
        class="code"
      />
      <label for={ids.beneficiary}>{t("certificates.beneficiary")}</label>
      <input id={ids.beneficiary} name="beneficiary" maxLength={500} autocomplete="off" />
      <button type="submit" class="first">
        {t("certificates.check")}
      </button>
    </form>
  );
}

function Checked({ path }: { path: string }) {
  const remote = useRemote<CertificateCheck>(path);
  return (
    <Panel title={t("certificates.answer")}>
      <div aria-live="polite">
        <Answered remote={remote}>{(found) => <Certified found={found} />}</Answered>
      </div>
    </Panel>
  );
}

function Certified({ found }: { found: CertificateCheck }) {
  const isForged = found.digest_matches === false;
  return (
    <>
      <p class={isForged ? "warning" : "good"}>
        {isForged
          ? t("certificates.forged")
          : found.digest_matches
            ? t("certificates.genuine")
            : t("certificates.issued")}
      </p>
      {found.beneficiary_matches !== null && (
        <p class={found.beneficiary_matches ? "good" : "warning"}>
          {t(found.beneficiary_matches ? "certificates.beneficiary_right" : "certificates.beneficiary_wrong")}
        </p>
      )}
      <dl class="facts">
        <CertifiedFact name={t("certificates.number")} value={found.number} />
        <CertifiedFact name={t("certificates.purpose")} value={named("purpose", found.purpose)} />
        {found.compliance_year !== null && (
          <CertifiedFact name={t("certificates.year")} value={String(found.compliance_year)} />
        )}
        <div class="fact">
          <dt>{t("column.listing")}</dt>
          <dd>
            {found.listing} <ClassBadge of={found.class} />
          </dd>
        </div>
        <CertifiedFact
          name={t("certificates.quantity")}
          value={`${shown(found.quantity)} ${t("unit.tonnes")}`}
        />
        <CertifiedFact name={t("certificates.completed")} value={moment(found.completed_at)} />
        <CertifiedFact
          name={t("certificates.outcome")}
          value={t(found.retired ? "certificates.retired" : "certificates.donated")}
        />
      </dl>
      <Table
        caption={t("certificates.lots")}
        rows={found.lots}
        keyOf={(lot) => lot.lot}
        columns={[
          { name: "lot", title: t("column.lot"), cell: (lot) => <span class="code">{lot.lot}</span> },
          {
            name: "serials",
            title: t("column.serials"),
            cell: (lot) => <span class="figures">{serials(lot.serials)}</span>,
          },
        ]}
      />
    </>
  );
}

function CertifiedFact({ name, value }: { name: string; value: string }) {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd class="figures">{value}</dd>
    </div>
  );
}
