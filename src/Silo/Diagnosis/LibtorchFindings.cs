using Granary.Torch.Devices;
using Granary.Torch.Runtime;
using Granary.Training.Wording;

namespace Granary.Silo.Diagnosis;

/// <summary>The library that computes, and whether it is what TorchSharp takes it for.</summary>
internal static class LibtorchFindings
{
    private const string Subject = "libtorch", Another = "Use the libtorch that TorchSharp was built for: build with -p:TorchBackend=cpu or cuda, without LD_LIBRARY_PATH.";
    private const int Shown = 3;

    /// <param name="trace">For the pages that TorchSharp prints when it finds no libtorch.</param>
    public static IEnumerable<Finding> All(TextWriter trace)
    {
        // First: libtorch reads some of its switches only when it is loaded.
        var fault = LoadFault(trace);
        var symbols = MissingSymbols();
        if (fault is not null)
        {
            return [Finding.Break(Subject, fault), .. Found(symbols)];
        }
        return
        [
            new(Subject, $"{Libtorch.Version ?? "of an unknown version"}, from {Libtorch.Location ?? "an unknown place"}"),
            .. Found(symbols),
            .. TorchRuntime.Remarks.Select(remark => Finding.Warn("remark", remark)),
            Switches(TorchRuntime.ReadBack()),
            SmokeTestOf("smoke test", SmokeTest.Faults()),
            GpuFindings.Gpus(TorchDevices.Gpus.Count, GpuFindings.Driver),
            .. TorchDevices.Gpus.Select(gpu => new Finding(gpu.Key, gpu.Value)),
            .. TorchDevices.Gpus.Keys.Select(gpu => SmokeTestOf($"{gpu} test", TorchDevices.Faults(gpu))),
        ];
    }

    internal static Finding SymbolsOf(IReadOnlyList<string> missing) => missing.Count == 0
        ? new("symbols", "none missing of those that TorchSharp wants of libtorch")
        : Finding.Break("symbols", $"{missing.Count} missing of those that TorchSharp wants of libtorch: {string.Join(", ", missing.Take(Shown))}{(missing.Count > Shown ? ", ..." : "")}", Another);

    internal static Finding SmokeTestOf(string subject, IReadOnlyList<string> faults) => faults.Count == 0
        ? new(subject, $"{SmokeTest.Subjects}: all as expected")
        : Finding.Break(subject, string.Join(" ", faults), Another);

    private static Finding Switches(IReadOnlyList<string> faults)
    {
        var switches = string.Join("  ", TorchRuntime.Switches.Select(entry => $"{entry.Key}={entry.Value}"));
        return faults.Count == 0
            ? new("switches", switches)
            : Finding.Break("switches", $"{switches}, but {string.Join(" ", faults)}", Another);
    }

    private static Finding? MissingSymbols()
    {
        try
        {
            return OperatingSystem.IsLinux() && Libtorch.MissingSymbols() is { } missing ? SymbolsOf(missing) : null;
        }
        catch (Exception error) when (error is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            return Finding.Break("symbols", error.Message, "Install Granary anew.");
        }
    }

    /// <summary>The first call loads it.</summary>
    private static string? LoadFault(TextWriter trace)
    {
        // Not between the lines of the findings.
        var output = Console.Out;
        Console.SetOut(trace);
        try
        {
            _ = TorchRuntime.Switches;
            return null;
        }
        catch (UserErrorException error)
        {
            return error.Message;
        }
        finally
        {
            Console.SetOut(output);
        }
    }

    private static IEnumerable<Finding> Found(Finding? finding) => finding is null ? [] : [finding];
}
