using System.CommandLine;
using System.Runtime.InteropServices;
using Granary.Chaos;
using Granary.Silo;

namespace Granary.Client.Commands;

/// <summary><c>granary silo</c></summary>
internal static class SiloCommand
{
    public static Command Create(Option<bool> verbose)
    {
        var config = new Option<string?>("--config") { Description = "A JSON file; see docs/operations.md. Environment variables override it." };
        var attached = new Option<bool>("--attached") { Description = "End when standard input closes.", Hidden = true };
        var gates = new Option<bool>("--gates") { Description = "Let whoever it is attached to hold its steps.", Hidden = true };
        var command = new Command("silo", "Runs a silo of a cluster until it is told to stop.") { config, attached, gates };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            // Registered before the host listens itself: a silo may wait minutes for its Redis. A closed terminal, and Ctrl+C in it, reach
            // all processes of a program: silos attached to another process end when that one lets them.
            using var hungUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, EndUnlessAttached);
            using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, EndUnlessAttached);
            using var told = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
            var attachment = parsed.GetValue(gates) ? StepGate.Attach() : parsed.GetValue(attached) ? new SiloAttachment() : null;
            try
            {
                await SiloProgram.RunAsync(parsed.GetValue(config), attachment, parsed.GetValue(verbose), ended.Token);
            }
            catch (OperationCanceledException) when (ended.IsCancellationRequested)
            {
            }

            void EndUnlessAttached(PosixSignalContext signal)
            {
                signal.Cancel = true;
                if (!parsed.GetValue(attached))
                {
                    ended.Cancel();
                }
            }

            void End(PosixSignalContext signal)
            {
                signal.Cancel = true;
                ended.Cancel();
            }
        });
        return command;
    }
}
