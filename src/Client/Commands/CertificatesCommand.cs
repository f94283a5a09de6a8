using System.CommandLine;
using Granary.Silo.Security;

namespace Granary.Client.Commands;

/// <summary><c>granary certificates</c></summary>
internal static class CertificatesCommand
{
    public static Command Create()
    {
        var folder = new Argument<string>("folder") { Description = "Where to write them. An authority that is there signs new certificates." };
        var hosts = new Option<string[]>("--host") { Description = "A name or address that clients reach silos or Redis by, besides localhost, 127.0.0.1 and this machine's name; may be given several times." };
        var command = new Command("certificates", "Makes a private authority, and certificates for silos and Redis, valid for a year. Read: docs/security.md") { folder, hosts };
        command.SetAction(parsed =>
        {
            var written = PrivateAuthority.Write(parsed.GetValue(folder)!, ["localhost", "127.0.0.1", Environment.MachineName, .. parsed.GetValue(hosts)!], TimeProvider.System.GetUtcNow());
            var width = written.Max(file => file.Path.Length);
            foreach (var (path, use) in written)
            {
                Console.WriteLine($"{path.PadRight(width)}  {use}");
            }
        });
        return command;
    }
}
