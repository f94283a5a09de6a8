using System.Runtime.CompilerServices;
using Granary.Torch.Runtime;

// libtorch counts live tensors for the whole process: tests that compare counts must run alone.
[assembly: CollectionBehavior(DisableTestParallelization = true)]

namespace Granary.Models.Tests;

internal static class LibtorchSettings
{
    [ModuleInitializer]
    public static void SetUp() => _ = TorchRuntime.Switches;
}
