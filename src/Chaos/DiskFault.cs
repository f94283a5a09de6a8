using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Granary.Chaos;

/// <summary>Makes it impossible to write into a folder, whoever tries (root, too), until it is undone. What is in it stays.</summary>
public abstract partial class DiskFault : IDisposable
{
    /// <param name="full">Whether the disk is full, as far as this program may mount; otherwise the folder is missing.</param>
    public static DiskFault Strike(string folder, bool full)
    {
        Directory.CreateDirectory(folder);
        return full && Full.TryMount(folder) ? new Full(folder) : new Missing(folder);
    }

    public abstract void Dispose();

    /// <summary>A full file system lies over the folder.</summary>
    private sealed class Full : DiskFault
    {
        private readonly string folder;

        public Full(string folder)
        {
            this.folder = folder;
            try
            {
                using var filler = File.Create(Path.Combine(folder, "filler"));
                filler.Write(new byte[1 << 20]);
            }
            catch (IOException)
            {
                // Full: what was wanted.
            }
        }

        public static bool TryMount(string folder) => Environment.IsPrivilegedProcess && Run("mount", "-t", "tmpfs", "-o", "size=64k", "granary-chaos", folder);

        public override void Dispose() => Run("umount", "--lazy", folder);

        private static bool Run(params string[] command)
        {
            try
            {
                using var process = Process.Start(new ProcessStartInfo(command[0], command[1..]) { RedirectStandardError = true })!;
                process.WaitForExit();
                return process.ExitCode == 0;
            }
            catch (Win32Exception)
            {
                return false;
            }
        }
    }

    /// <summary>A file has taken the folder's place.</summary>
    private sealed partial class Missing : DiskFault
    {
        private const int CurrentFolder = -100;
        private const uint RenameExchange = 2;
        private readonly string folder, aside;

        public Missing(string folder)
        {
            (this.folder, aside) = (folder, folder + ".aside");
            File.WriteAllText(aside, "");
            Exchange();
        }

        public override void Dispose()
        {
            Exchange();
            File.Delete(aside);
        }

        /// <summary>At one stroke, so that nobody finds neither of them there and makes a new folder.</summary>
        private void Exchange()
        {
            if (RenameAt(CurrentFolder, folder, CurrentFolder, aside, RenameExchange) != 0)
            {
                throw new IOException($"{folder} and {aside} could not change places: {Marshal.GetLastPInvokeErrorMessage()}.");
            }
        }

        [LibraryImport("libc", EntryPoint = "renameat2", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        private static partial int RenameAt(int oldFolder, string oldPath, int newFolder, string newPath, uint flags);
    }
}
