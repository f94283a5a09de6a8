using System;
using System.IO;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

/// Has the just-in-time compiler leave an assembly's methods unoptimized, in which arguments live until the method ends: sets DebuggingModes.Default and
/// DisableOptimizations in the assembly's DebuggableAttribute. Layout: ECMA-335, II.23.3, "Custom attributes", a blob with its length before it.
public class KeepArguments : Task
{
    static readonly byte[] optimized = { 8, 1, 0, 2, 0, 0, 0, 0, 0 }, unoptimized = { 8, 1, 0, 7, 1, 0, 0, 0, 0 };

    [Required] public string Assembly { get; set; }
    [Required] public string Copy { get; set; }

    public override bool Execute()
    {
        byte[] image = File.ReadAllBytes(Assembly);
        int place = Find(image, optimized, 0);
        if (place >= 0 && Find(image, optimized, place + 1) < 0)
        {
            unoptimized.CopyTo(image, place);
        }
        else
        {
            Log.LogWarning("{0} is not the version that is known here: its arguments are not kept.", Assembly);
        }
        Directory.CreateDirectory(Path.GetDirectoryName(Copy));
        File.WriteAllBytes(Copy, image);
        return true;
    }

    static int Find(byte[] image, byte[] sought, int from)
    {
        for (int place = from; place <= image.Length - sought.Length; place++)
        {
            int i = 0;
            while (i < sought.Length && image[place + i] == sought[i])
            {
                i++;
            }
            if (i == sought.Length)
            {
                return place;
            }
        }
        return -1;
    }
}
