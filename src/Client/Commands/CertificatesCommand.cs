using System.CommandLine;
using Granary.Silo.Security;

namespace Granary.Client.Commands;

/// <summary><c>granary certificates</c></summary>
internal static class CertificatesCommand
{
    public static Command Create()
    {
        var folder = new Argument<string>("folder") { Description = "Where to write them. An authority that is there signs new certificates; a password that is there stays." };
        var hosts = new Option<string[]>("--host") { Description = "A name or address that clients reach silos or Redis by, besides localhost, 127.0.0.1 and this machine's name; may be given several times." };
        var command = new Command("certificates", "Makes a private authority, certificates for silos and Redis, valid for a year, and a password of Redis.") { folder, hosts };
        command.SetAction(parsed =>
        {
            var path = parsed.GetValue(folder)!;
            string[] names = ["localhost", "127.0.0.1", Environment.MachineName, .. parsed.GetValue(hosts)!];
            IReadOnlyList<(string Path, string Use)> written = [.. PrivateAuthority.Write(path, names, TimeProvider.System.GetUtcNow()), .. RedisUser.Write(path)];
            var width = written.Max(file => file.Path.Length);
            foreach (var (file, use) in written)
            {
                Console.WriteLine($"{file.PadRight(width)}  {use}");
            }
        });
        return command;
    }
}
