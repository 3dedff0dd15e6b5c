import { counted } from "../../../lib/counted";
import type { ModelsPage, ModelView, PipelineView } from "../../api";
import { getJson } from "../api/requests";
import { ModelDetail } from "../components/model-detail";
import { ModelTable } from "../components/model-table";
import { Empty, Failed, Loading } from "../components/states";
import { usePages } from "../hooks/use-pages";
import type { Draft } from "../state/acts";
import { mergeModels } from "../state/models";
import type { Route } from "../state/route";

async function loadModels(last: ModelView | undefined) {
  const query = last ? `?before=${last.number}` : "";
  const { models, hasOlder } = await getJson<ModelsPage>(`/api/models${query}`);
  return { rows: models, hasOlder };
}

/** Differs when a run has come to a version or has ended, which is when a model is registered or judged. */
const changeOf = (view: PipelineView | null): string =>
  (view?.runs ?? []).map(({ name, version, finishedAt }) => `${name} ${version} ${finishedAt}`).join();

interface ModelsProps {
  readonly route: Route;
  readonly view: PipelineView | null;
  readonly act: (draft: Draft) => void;
}

/** The versions of the model, and one of them in detail. */
export function Models({ route, view, act }: ModelsProps) {
  const change = changeOf(view);
  const { rows, hasOlder, error, loadOlder } = usePages({
    key: "models",
    change,
    load: loadModels,
    merge: mergeModels,
  });
  return (
    <>
      <h1>Models</h1>
      {error && <Failed what="the models" why={error} />}
      {!rows && !error && <Loading what="the models" />}
      {rows && route.detail && (
        <ModelDetail
          key={route.detail}
          version={route.detail}
          against={route.options.against}
          models={rows}
          view={view}
          act={act}
        />
      )}
      {rows?.length === 0 && (
        <Empty title="No version yet">
          <p>Each training that reaches the accuracy bar registers one.</p>
          <button type="button" class="primary" onClick={() => act({ kind: "train", scenario: "normal" })}>
            Train the first model
          </button>
        </Empty>
      )}
      {rows && rows.length > 0 && (
        <section class="panel panel-table" aria-label="All versions">
          <ModelTable models={rows} selected={route.detail} nearEnd={loadOlder} />
          <p class="hint table-foot">{`${counted(rows.length, "version")}${hasOlder ? " so far" : ""}`}</p>
        </section>
      )}
    </>
  );
}
