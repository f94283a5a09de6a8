using System.Runtime.Intrinsics.X86;
using Granary.Training.Tasks;
using TorchSharp;

namespace Granary.Torch.Runtime;

/// <summary>
/// libtorch's automatic mixed precision: while it is on, products, convolutions and recurrent layers round their
/// factors to bfloat16; what needs the range stays in float32, and so do parameters and their gradients. For the forward
/// pass alone, and for the calling thread alone. It changes bits, hence it is a setting of the run.
/// </summary>
public static unsafe class Autocast
{
    /// <summary>Values of the setting.</summary>
    public const string Off = "off", BFloat16 = "bf16", Emulated = "bf16-emulated";
    private static readonly Lazy<Functions> found = new(Functions.Find);

    /// <summary>Whether it is on, on this thread.</summary>
    [field: ThreadStatic]
    public static bool IsOn { get; private set; }

    [ThreadStatic]
    private static sbyte device;

    /// <summary>Whether this libtorch has what it takes.</summary>
    public static bool IsAvailable => found.Value.AreComplete;

    /// <summary>Whether oneDNN computes in bfloat16 on this processor: where it does not, an LSTM under autocast ends the process.</summary>
    public static bool IsNative { get; } = Avx512BW.VL.IsSupported && Avx512DQ.IsSupported;

    /// <summary>Whether this processor has instructions for bfloat16 (AVX512_BF16 or AMX-BF16). Where it has none, a step takes longer with it than without.</summary>
    public static bool IsFast { get; } = X86Base.IsSupported && ((X86Base.CpuId(7, 1).Eax >> 5 & 1) == 1 || (X86Base.CpuId(7, 0).Edx >> 22 & 1) == 1);

    /// <summary>Refuses, before a run starts, what this libtorch cannot do, and what would be slower than without.</summary>
    /// <param name="setting">A task's setting <c>autocast</c>.</param>
    /// <param name="lstm">Whether the network has an LSTM.</param>
    /// <param name="onProcessor">Whether it is the processor that shall round; a GPU can.</param>
    /// <returns>Whether it is to be on.</returns>
    /// <exception cref="TaskSettingException">libtorch lacks the functions, or the processor what an LSTM needs, or bfloat16.</exception>
    public static bool Resolve(string setting, bool lstm = false, bool onProcessor = true)
    {
        if (setting == Off)
        {
            return false;
        }
        if (!IsAvailable)
        {
            throw new TaskSettingException($"Setting 'autocast' cannot be '{setting}': this libtorch does not export at::autocast under the names of libtorch 2.10. Use '{Off}'.");
        }
        if (!onProcessor)
        {
            return true;
        }
        if (lstm && !IsNative)
        {
            throw new TaskSettingException($"Setting 'autocast' cannot be '{setting}' with an LSTM here: this processor lacks AVX-512, without which oneDNN has no LSTM in bfloat16. Use '{Off}', or another cell.");
        }
        if (setting == BFloat16 && !IsFast)
        {
            throw new TaskSettingException(
                $"Setting 'autocast' cannot be '{setting}' here: this processor has no instructions for bfloat16 (avx512_bf16 or amx_bf16) and would emulate it. On an Intel with AVX-512 but without these "
                + $"a step of lm took 260 ms instead of 160, and without AVX-512 it takes seconds. Use '{Off}', which is faster; or '{Emulated}', if its bits are wanted whatever they take.");
        }
        return true;
    }

    /// <summary>On until the scope is disposed, on the same thread.</summary>
    /// <param name="wanted">If not, the scope does nothing.</param>
    /// <param name="on">What computes. Default: the processor.</param>
    public static Scope Begin(bool wanted, DeviceType on = DeviceType.CPU)
    {
        if (wanted)
        {
            device = (sbyte)on;
            found.Value.TurnOn();
            IsOn = true;
        }
        return new(wanted);
    }

    /// <summary>Off until the scope is disposed, where it is on; else the scope does nothing.</summary>
    internal static PausedScope Pause()
    {
        var was = IsOn;
        if (was)
        {
            found.Value.Enable(false);
            IsOn = false;
        }
        return new(was);
    }

    /// <summary>See <see cref="Pause"/>.</summary>
    internal readonly ref struct PausedScope(bool was)
    {
        /// <inheritdoc/>
        public void Dispose()
        {
            if (was)
            {
                IsOn = true;
                found.Value.Enable(true);
            }
        }
    }

    /// <summary>See <see cref="Begin"/>.</summary>
    public readonly ref struct Scope(bool on)
    {
        /// <inheritdoc/>
        public void Dispose()
        {
            if (on)
            {
                IsOn = false;
                found.Value.TurnOff();
            }
        }
    }

    private sealed record Functions(nint SetType, nint SetEnabled, nint Nest, nint Unnest, nint ClearCache)
    {
        private const sbyte BFloat16 = 15;

        public bool AreComplete => SetType != 0 && SetEnabled != 0 && Nest != 0 && Unnest != 0 && ClearCache != 0;

        public static Functions Find() => new(
            LibtorchExport.Find("_ZN2at8autocast18set_autocast_dtypeEN3c1010DeviceTypeENS1_10ScalarTypeE"),
            LibtorchExport.Find("_ZN2at8autocast20set_autocast_enabledEN3c1010DeviceTypeEb"),
            LibtorchExport.Find("_ZN2at8autocast17increment_nestingEv"),
            LibtorchExport.Find("_ZN2at8autocast17decrement_nestingEv"),
            LibtorchExport.Find("_ZN2at8autocast11clear_cacheEv"));

        public void TurnOn()
        {
            ((delegate* unmanaged<sbyte, sbyte, void>)SetType)(device, BFloat16);
            Enable(true);
            ((delegate* unmanaged<int>)Nest)();
        }

        public void Enable(bool on) => ((delegate* unmanaged<sbyte, byte, void>)SetEnabled)(device, on ? (byte)1 : (byte)0);

        /// <summary>Rounded copies of the weights are kept while it is on, and must not outlive the weights' next update.</summary>
        public void TurnOff()
        {
            if (((delegate* unmanaged<int>)Unnest)() == 0)
            {
                ((delegate* unmanaged<void>)ClearCache)();
            }
            Enable(false);
        }
    }
}
