using System.CommandLine;
using System.ComponentModel;
using System.Diagnostics;
using Granary.Client.Sessions;
using Granary.Client.Views;
using Granary.Silo;
using Granary.Training.Wording;
using Microsoft.Extensions.Logging;

namespace Granary.Client.Commands;

/// <summary><c>granary ui RUNSDIR</c></summary>
internal static class UiCommand
{
    private const int UsualPort = 8090;

    public static Command Create(Option<bool> verbose)
    {
        var folder = new Argument<string>("runsdir") { Description = "A folder of run directories, or one of them. Default: runs.", DefaultValueFactory = _ => "runs" };
        var port = new Option<int>("--port") { Description = "Where to serve, on this machine only; 0: any free port.", DefaultValueFactory = _ => UsualPort };
        var open = new Option<bool>("--open") { Description = "Open it in the browser." };
        var command = new Command("ui", "Serves a page that shows the runs in a folder, finished or under way, without a cluster. Ctrl+C ends it.") { folder, port, open };
        command.SetAction(async (parsed, _) =>
        {
            var runs = Path.GetFullPath(parsed.GetValue(folder)!);
            if (!Directory.Exists(runs))
            {
                throw new UserErrorException($"RUNSDIR {runs} is no folder. Name one that holds run directories (--out of granary train).");
            }
            using var interruption = new Interruption();
            await using var page = await FolderPage.StartAsync(runs, PortOf(parsed.GetValue(port), port.Name), parsed.GetValue(verbose) ? logging => logging.AddSimpleConsole() : null);
            Console.WriteLine($"{runs}: {page.Address}");
            if (parsed.GetValue(open))
            {
                Open(page.Address);
            }
            await page.RunAsync(interruption.Asked);
            return ExitCode.Done;
        });
        return command;
    }

    /// <exception cref="UserErrorException">It is no port.</exception>
    public static int PortOf(int port, string name) => port is >= 0 and <= ushort.MaxValue ? port : throw new UserErrorException($"{name} {port} is no port: 0 to {ushort.MaxValue}.");

    private static void Open(Uri address)
    {
        try
        {
            using var browser = Process.Start(new ProcessStartInfo(address.ToString()) { UseShellExecute = true });
        }
        catch (Exception none) when (none is Win32Exception or InvalidOperationException or PlatformNotSupportedException)
        {
            ErrorLine.Say($"No browser could be opened ({none.Message}): open {address} yourself.");
        }
    }
}
