// wgpu 30 does not know WebGPU's `subgroups` in a browser, and so cannot ask for them. This asks in its place: for the
// engine's device, which its label tells, in the worker, whose globals are the package's own. The engine finds out by trying
// whether it got them (src/gpu/device.rs).

/** What the engine calls its device. */
const LABEL = "nanolm";

interface DeviceDescriptor {
  label?: string;
  requiredFeatures?: Iterable<string>;
}
interface Adapter {
  features: ReadonlySet<string>;
  requestDevice(descriptor?: DeviceDescriptor): Promise<unknown>;
}

/** Has the engine's device opened with subgroups, where the adapter has them. */
export function askForSubgroups(): void {
  const { GPUAdapter } = globalThis as { GPUAdapter?: { prototype: Adapter } };
  if (GPUAdapter === undefined) return;
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = function (this: Adapter, descriptor) {
    const wanted = descriptor?.label === LABEL && this.features.has("subgroups");
    const asked = wanted ? { ...descriptor, requiredFeatures: [...(descriptor.requiredFeatures ?? []), "subgroups"] } : descriptor;
    return Reflect.apply(requestDevice, this, [asked]) as Promise<unknown>;
  };
}
