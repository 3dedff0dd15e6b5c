"""Makes the app image of a model version, and writes its digest on the version."""

from lib import app_image, constants, inputs, model_registry, outputs, step


def main() -> None:
    version, base = inputs.version(), inputs.image("APP_BASE_IMAGE")
    digest = app_image.build(version, base)
    built_at = model_registry.now()
    model_registry.tag(version, image_digest=digest, image_base=base.partition("@")[2], image_built_at=built_at)
    outputs.write("digest", digest)
    print(f"Built {constants.APP_IMAGE}:staging-{constants.app_version(version)}, {digest}", flush=True)


if __name__ == "__main__":
    step.run(main)
